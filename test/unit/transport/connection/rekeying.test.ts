import { expect } from 'chai'
import { publicKeyOf } from '../../../../src/core/crypto/noise.ts'
import { PacketKey } from '../../../../src/core/crypto/packet-keys.ts'
import { KeyPhases } from '../../../../src/core/transport/connection/key-phases.ts'
import { Rekeying } from '../../../../src/core/transport/connection/rekeying.ts'
import { expectCode } from '../../../helpers/errors.ts'
import { seededBytes, seededRandom } from '../../../helpers/random.ts'
import { s } from '../../../helpers/time.ts'

const INTERVAL = s(15 * 60)
const PACKETS = 2 ** 20

interface End {
  keys: KeyPhases
  rekeying: Rekeying
}

function makeEnd(isInitiator: boolean): End {
  const both = [1, 2].map((byte) => new PacketKey(new Uint8Array(32).fill(byte))) as [PacketKey, PacketKey]
  if (!isInitiator) both.reverse()
  const keys = new KeyPhases(isInitiator, ...both)
  return { keys, rekeying: new Rekeying(0, isInitiator, keys, seededBytes(seededRandom(isInitiator ? 1 : 2))) }
}

const ends = (): [End, End] => [makeEnd(true), makeEnd(false)]

let packetNumber = 0
/** One packet from one end to the other. @returns whether it opened. */
function carry(from: End, to: End): boolean {
  const packet = new Uint8Array(20)
  const { phase } = from.keys
  from.keys.seal(++packetNumber, packet, 2)
  return to.keys.open(0, packetNumber, phase, packet, 2, Infinity) !== undefined
}

/** The exchange of REKEY frames that starts at `now`. */
function exchange(now: number, a: End, b: End): void {
  expect(a.rekeying.onPacket(now)).to.equal(true)
  expect(b.rekeying.handleRekey(now, a.rekeying.publicKey!)).to.equal(true)
  a.rekeying.handleRekey(now, b.rekeying.publicKey!)
}

describe('transport/connection/rekeying', () => {
  it('has nothing to say before its time', () => {
    const [a, b] = ends()
    expect(a.rekeying.publicKey).to.equal(undefined)
    expect(a.rekeying.onPacket(INTERVAL - 1)).to.equal(false)
    expect(b.rekeying.onPacket(INTERVAL * 10)).to.equal(false)
    expect(a.keys.count).to.equal(0)
  })

  it('turns the ratchet after a million packets, once', () => {
    const [a] = ends()
    for (let i = 1; i < PACKETS; i++) a.rekeying.onPacket(0)
    expect(a.keys.count).to.equal(0)
    a.rekeying.onPacket(0)
    expect(a.keys.count).to.equal(1)
    for (let i = 0; i < PACKETS; i++) a.rekeying.onPacket(0)
    // The peer has not followed yet, so nothing more happens, however many packets go.
    expect(a.keys.count).to.equal(1)
  })

  it('never turns the ratchet as the responder', () => {
    const [, b] = ends()
    for (let i = 0; i <= PACKETS; i++) b.rekeying.onPacket(0)
    expect(b.keys.count).to.equal(0)
  })

  it('asks for a fresh secret every fifteen minutes, once for each', () => {
    const [a] = ends()
    expect(a.rekeying.onPacket(INTERVAL)).to.equal(true)
    expect(a.rekeying.publicKey).to.have.length(32)
    expect(a.rekeying.onPacket(INTERVAL + 1)).to.equal(false)
  })

  it('agrees: both sides open each other under the new keys', () => {
    const [a, b] = ends()
    exchange(INTERVAL, a, b)
    expect(a.keys.count).to.equal(1)
    expect(carry(a, b)).to.equal(true)
    expect(b.keys.count).to.equal(1)
    expect(carry(b, a)).to.equal(true)
    expect(a.keys.isSettled).to.equal(true)
    expect(a.rekeying.publicKey).to.equal(undefined)
  })

  it('agrees again and again, with another secret each time', () => {
    const [a, b] = ends()
    const seen = new Set<string>()
    for (let round = 1; round <= 4; round++) {
      exchange(INTERVAL * round, a, b)
      seen.add(Buffer.from(b.rekeying.publicKey!).toString('hex'))
      expect(carry(a, b) && carry(b, a), `round ${round}`).to.equal(true)
      expect([a.keys.count, b.keys.count]).to.deep.equal([round, round])
    }
    expect(seen.size).to.equal(4)
  })

  it('takes a frame that comes twice for one, on both sides', () => {
    const [a, b] = ends()
    a.rekeying.onPacket(INTERVAL)
    const asked = a.rekeying.publicKey!
    expect(b.rekeying.handleRekey(INTERVAL, asked)).to.equal(true)
    const answer = b.rekeying.publicKey!
    expect(b.rekeying.handleRekey(INTERVAL, asked)).to.equal(false)
    expect(Buffer.from(b.rekeying.publicKey!).equals(answer)).to.equal(true)
    a.rekeying.handleRekey(INTERVAL, answer)
    a.rekeying.handleRekey(INTERVAL, answer)
    expect(a.keys.count).to.equal(1)
    expect(carry(a, b)).to.equal(true)
    expect(b.rekeying.handleRekey(INTERVAL, asked)).to.equal(false)
    expect(carry(b, a)).to.equal(true)
  })

  it('refuses a second key before the first was used, so that one packet cannot cost hundreds of agreements', () => {
    const [a, b] = ends()
    a.rekeying.onPacket(INTERVAL)
    b.rekeying.handleRekey(INTERVAL, a.rekeying.publicKey!)
    const other = publicKeyOf(new Uint8Array(32).fill(77))
    expectCode(() => b.rekeying.handleRekey(INTERVAL, other), 'MSG_ERR_PROTOCOL')
  })

  it('ignores an answer that nobody asked for', () => {
    const [a] = ends()
    expect(a.rekeying.handleRekey(0, publicKeyOf(new Uint8Array(32).fill(5)))).to.equal(false)
    expect(a.keys.count).to.equal(0)
  })

  it('refuses a key of low order, on both sides', () => {
    const [a, b] = ends()
    const low = new Uint8Array(32)
    expectCode(() => b.rekeying.handleRekey(0, low), 'MSG_ERR_PROTOCOL')
    a.rekeying.onPacket(INTERVAL)
    expectCode(() => a.rekeying.handleRekey(INTERVAL, low), 'MSG_ERR_PROTOCOL')
    expect([a.keys.count, b.keys.count]).to.deep.equal([0, 0])
  })

  it('does not turn the ratchet while it waits for an answer', () => {
    const [a, b] = ends()
    a.rekeying.onPacket(INTERVAL)
    for (let i = 0; i <= PACKETS; i++) a.rekeying.onPacket(INTERVAL)
    expect(a.keys.count).to.equal(0)
    b.rekeying.handleRekey(INTERVAL, a.rekeying.publicKey!)
    a.rekeying.handleRekey(INTERVAL, b.rekeying.publicKey!)
    expect(carry(a, b)).to.equal(true)
  })
})
