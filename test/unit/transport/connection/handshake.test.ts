import { expect } from 'chai'
import { deviceKey } from '../../../../src/core/crypto/device-key.ts'
import { noiseResponder } from '../../../../src/core/crypto/noise.ts'
import { Dialing, readAsking, type LocalIdentity } from '../../../../src/core/transport/connection/handshake.ts'
import { COOKIE_LENGTH, decodeInitial, INITIAL_LENGTH } from '../../../../src/core/transport/packet.ts'
import { LOCAL_PARAMETERS } from '../../../../src/core/transport/transport-parameters.ts'
import { ms, s } from '../../../helpers/time.ts'

const identity = (byte: number): LocalIdentity => ({
  key: deviceKey(new Uint8Array(32).fill(byte)).noise,
  instance: Buffer.alloc(16, byte).toString('hex'),
})
const alice = identity(1)
const bob = identity(2)
const candidates = [
  { host: '192.0.2.1', port: 1 },
  { host: '192.0.2.2', port: 2 },
]
const sourceId = Uint8Array.from({ length: 8 }, (_, i) => i + 1)
const answererId = new Uint8Array(8).fill(9)
const peerOf = ({ instance, key }: LocalIdentity): { instance: string; key: Uint8Array } => ({
  instance,
  key: key.publicKey,
})
const dial = (ephemeral = 5): Dialing =>
  new Dialing(0, alice, peerOf(bob), candidates, sourceId, new Uint8Array(32).fill(ephemeral))

/** Serves the timer at `now` and takes what goes out. */
function tick(dialing: Dialing, now: number): Array<{ host: string; payload: Uint8Array }> {
  dialing.handleTimeout(now)
  return drain(dialing)
}
function drain(dialing: Dialing): Array<{ host: string; payload: Uint8Array }> {
  const sent = []
  for (let t = dialing.pollTransmit(); t; t = dialing.pollTransmit()) sent.push({ host: t.to.host, payload: t.payload })
  return sent
}
const noiseOf = (dialing: Dialing): Uint8Array => decodeInitial(tick(dialing, 0)[0]!.payload, bob.key.publicKey)!.noise
const asked = (dialing: Dialing, by = bob): ReturnType<typeof readAsking> =>
  readAsking(by, noiseOf(dialing), new Uint8Array(32).fill(6))

describe('transport/connection/handshake', () => {
  describe('dialing', () => {
    it('asks every candidate at once, with one and the same message', () => {
      const sent = tick(dial(), 0)
      expect(sent.map(({ host }) => host)).to.deep.equal(candidates.map(({ host }) => host))
      expect(sent[0]!.payload.byteLength).to.equal(INITIAL_LENGTH)
      expect(Buffer.from(sent[1]!.payload).equals(sent[0]!.payload)).to.equal(true)
    })

    it('asks again after 250 ms, then less often, and gives up after ten seconds', () => {
      const dialing = dial()
      const times: number[] = []
      for (let i = 0; i < 100; i++) {
        const at = dialing.pollTimeout()
        if (dialing.handleTimeout(at)) {
          expect(at).to.equal(s(10))
          break
        }
        if (drain(dialing).length > 0) times.push(at)
      }
      expect(times.slice(0, 5)).to.deep.equal([0, 250, 750, 1_250, 1_750].map(ms))
      expect(times.at(-1)).to.be.below(s(10))
      expect(times.length).to.be.below(25)
    })

    it('does nothing when its timer is called early', () => {
      const dialing = dial()
      tick(dialing, 0)
      expect(tick(dialing, ms(249))).to.deep.equal([])
      expect(dialing.pollTimeout()).to.equal(ms(250))
    })

    it('gives up even without a single candidate', () => {
      const dialing = new Dialing(0, alice, peerOf(bob), [], sourceId, new Uint8Array(32))
      expect(tick(dialing, 0)).to.deep.equal([])
      expect(dialing.handleTimeout(s(10))).to.equal(true)
    })
  })

  describe('a cookie', () => {
    const cookie = new Uint8Array(COOKIE_LENGTH).fill(4)

    it('goes back at once, to the candidate that asked for it, and with everything after', () => {
      const dialing = dial()
      tick(dialing, 0)
      dialing.handleCookie(candidates[1]!, cookie)
      const sent = drain(dialing)
      expect(sent.map(({ host }) => host)).to.deep.equal([candidates[1]!.host])
      for (const { payload } of [...sent, ...tick(dialing, ms(250))]) {
        expect([...decodeInitial(payload, bob.key.publicKey)!.cookie]).to.deep.equal([...cookie])
      }
    })

    it('from an address that was never asked is not answered: 25 forged bytes would send 1,200 to anybody', () => {
      const dialing = dial()
      tick(dialing, 0)
      dialing.handleCookie({ host: '203.0.113.9', port: 1 }, cookie)
      dialing.handleCookie({ ...candidates[0]!, port: 99 }, cookie)
      expect(drain(dialing)).to.deep.equal([])
    })

    it('is answered once for each time the candidates were asked', () => {
      const dialing = dial()
      tick(dialing, 0)
      for (let i = 0; i < 50; i++) dialing.handleCookie(candidates[i % 2]!, cookie)
      expect(drain(dialing)).to.have.length(candidates.length)
      tick(dialing, ms(250))
      dialing.handleCookie(candidates[0]!, cookie)
      expect(drain(dialing)).to.have.length(1)
    })
  })

  describe('the two messages', () => {
    it('tell each side who the other is, its connection id and its parameters', () => {
      const dialing = dial()
      const asking = asked(dialing)!
      expect(asking.peer.instance).to.equal(alice.instance)
      expect(Buffer.from(asking.peer.key).equals(alice.key.publicKey)).to.equal(true)
      expect(asking.destination).to.equal(bob.instance)
      const { message, result } = asking.answer(answererId)
      expect([...result.remoteId]).to.deep.equal([...sourceId])
      expect(result.remoteParameters).to.deep.equal({ ...LOCAL_PARAMETERS })
      const finished = dialing.handleResponse(ms(30), message)!
      expect([...finished.remoteId]).to.deep.equal([...answererId])
      expect(finished.remoteParameters).to.deep.equal({ ...LOCAL_PARAMETERS })
    })

    it('leave both sides with keys that fit, and differ by direction', () => {
      const dialing = dial()
      const { message, result } = asked(dialing)!.answer(answererId)
      const finished = dialing.handleResponse(0, message)!
      const open = (from: typeof result, to: typeof result): boolean => {
        const packet = new Uint8Array(30)
        from.secrets.send.seal(1, packet, 2)
        return to.secrets.receive.open(1, packet, 2) !== undefined
      }
      expect([open(result, finished), open(finished, result), open(result, result)]).to.deep.equal([true, true, false])
    })

    it('measure the round trip when one message went, and not when it may have been any of several', () => {
      const rtt = (prepare: (dialing: Dialing) => void): number | undefined => {
        const dialing = dial()
        const { message } = asked(dialing)!.answer(answererId)
        prepare(dialing)
        return dialing.handleResponse(ms(300), message)!.rttSample
      }
      expect(rtt(() => {})).to.equal(ms(300))
      expect(rtt((dialing) => tick(dialing, ms(250)))).to.equal(undefined)
      expect(rtt((dialing) => dialing.handleCookie(candidates[0]!, new Uint8Array(16)))).to.equal(undefined)
    })
  })

  describe('what is not authentic', () => {
    it('is no answer, and does no harm to the true one', () => {
      const dialing = dial()
      const { message } = asked(dialing)!.answer(answererId)
      for (let at = 0; at < message.byteLength; at += 3) {
        const changed = Uint8Array.from(message)
        changed[at]! ^= 1
        expect(dialing.handleResponse(0, changed), `byte ${at}`).to.equal(undefined)
      }
      expect(dialing.handleResponse(0, message.subarray(1))).to.equal(undefined)
      expect(dialing.handleResponse(0, new Uint8Array(0))).to.equal(undefined)
      expect(dialing.handleResponse(0, message)).to.not.equal(undefined)
    })

    it('is no answer when it belongs to another dialing', () => {
      const { message } = asked(dial(5))!.answer(answererId)
      expect(dial(7).handleResponse(0, message)).to.equal(undefined)
    })

    it('is no question: for somebody else, changed or cut', () => {
      const dialing = dial()
      const noise = noiseOf(dialing)
      const read = (bytes: Uint8Array, by = bob): unknown => readAsking(by, bytes, new Uint8Array(32).fill(6))
      expect(read(noise)).to.not.equal(undefined)
      expect(read(noise, identity(3))).to.equal(undefined)
      for (let at = 0; at < noise.byteLength; at += 5) {
        const changed = Uint8Array.from(noise)
        changed[at]! ^= 1
        expect(read(changed), `byte ${at}`).to.equal(undefined)
      }
      for (let end = 0; end < noise.byteLength; end += 9) expect(read(noise.subarray(0, end))).to.equal(undefined)
    })

    it('is read by the prologue of this protocol only', () => {
      const noise = noiseOf(dial())
      const other = noiseResponder(bob.key, noise, new Uint8Array(32).fill(6), Buffer.from('msg link 2'))
      expect(other).to.equal(undefined)
    })
  })
})
