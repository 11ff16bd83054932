import { expect } from 'chai'
import type { Instant } from '../../../src/core/time/instant.ts'
import { RendezvousClient, type RendezvousOptions } from '../../../src/core/transport/rendezvous-client.ts'
import { decodeRequest, encodeResponse, NO_PROOF, proofOf } from '../../../src/core/wire/rendezvous.ts'
import { ms, s } from '../../helpers/time.ts'

const server = { host: '192.0.2.1', port: 7_788 }
const token = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
const seen = { host: '198.51.100.7', port: 50_000 }
const answer = (address = seen): Uint8Array => encodeResponse(token, address)
const client = (options: Partial<RendezvousOptions> = {}): RendezvousClient =>
  new RendezvousClient(0, { server, token, ...options })

/** Lets the client's timer fire `count` times without an answer. @returns when it fired, and when it gave up. */
function unanswered(rendezvous: RendezvousClient, count: number): { fired: Instant[]; gaveUp: number[] } {
  const fired: Instant[] = []
  const gaveUp: number[] = []
  for (let i = 0; i < count; i++) {
    const at = rendezvous.pollTimeout()
    fired.push(at)
    if (rendezvous.handleTimeout(at)) gaveUp.push(i)
    rendezvous.pollTransmit()
  }
  return { fired, gaveUp }
}

describe('transport/rendezvous-client', () => {
  it('asks the server at once, once', () => {
    const rendezvous = client()
    expect(rendezvous.pollTransmit()).to.equal(undefined)
    expect(rendezvous.pollTimeout()).to.equal(0)
    rendezvous.handleTimeout(0)
    const transmit = rendezvous.pollTransmit()!
    expect(transmit.to).to.deep.equal(server)
    expect(decodeRequest(transmit.payload)).to.deep.equal(token)
    expect(rendezvous.pollTransmit()).to.equal(undefined)
  })

  it('asks the first port for a proof, and says one that is new at once, and with everything after it', () => {
    const rendezvous = client({ probes: [{ ...server, port: 7_789 }] })
    const asked = (now: Instant): Array<readonly [port: number, proof: Uint8Array | undefined]> => {
      rendezvous.handleTimeout(now)
      const sent: Array<readonly [number, Uint8Array | undefined]> = []
      for (let due = rendezvous.pollTransmit(); due; due = rendezvous.pollTransmit())
        sent.push([due.to.port, proofOf(due.payload)])
      return sent
    }
    const [one, two] = [1, 2].map((fill) => new Uint8Array(8).fill(fill))
    expect(asked(0)).to.deep.equal([[7_788, NO_PROOF]])
    rendezvous.handleResponse(ms(30), server, encodeResponse(token, seen, one))
    expect(rendezvous.pollTimeout()).to.equal(ms(30))
    expect(asked(ms(30))).to.deep.equal([
      [7_788, one],
      [7_789, undefined],
    ])
    rendezvous.handleResponse(ms(60), { ...server, port: 7_789 }, answer())
    rendezvous.handleResponse(ms(60), server, encodeResponse(token, seen, one))
    expect(rendezvous.pollTimeout()).to.equal(ms(60) + s(25))
    expect(asked(ms(60) + s(25))).to.deep.equal([[7_788, one]])
    rendezvous.handleResponse(s(26), server, encodeResponse(token, { ...seen, port: 50_001 }, two))
    expect(asked(s(26))[0]).to.deep.equal([7_788, two])
  })

  it('does nothing when its timer is called early', () => {
    const rendezvous = client()
    rendezvous.handleTimeout(0)
    rendezvous.pollTransmit()
    expect(rendezvous.handleTimeout(ms(199))).to.equal(false)
    expect(rendezvous.pollTransmit()).to.equal(undefined)
  })

  it('asks four times in a second, then after waits that double, up to the refresh interval', () => {
    const { fired } = unanswered(client(), 14)
    expect(fired.slice(0, 5)).to.deep.equal([0, 200, 500, 1_000, 1_500].map(ms))
    const waits = fired.slice(5).map((at, i) => at - fired[i + 4]!)
    expect(waits).to.deep.equal([1_000, 2_000, 4_000, 8_000, 16_000, 25_000, 25_000, 25_000, 25_000].map(ms))
  })

  it('gives the server up once, after a second and a half, and goes on asking', () => {
    const { fired, gaveUp } = unanswered(client(), 2_000)
    expect(gaveUp).to.deep.equal([4])
    expect(fired[4]).to.equal(ms(1_500))
    expect(fired.every(Number.isSafeInteger)).to.equal(true)
  })

  describe('asked to check', () => {
    /** Answered once, so that the next request is 25 s away. */
    const resting = (): RendezvousClient => {
      const rendezvous = client()
      rendezvous.handleTimeout(0)
      rendezvous.pollTransmit()
      rendezvous.handleResponse(ms(30), server, answer())
      return rendezvous
    }

    it('asks at once, and gives up as soon as ever', () => {
      const rendezvous = resting()
      rendezvous.check(s(5))
      const { fired, gaveUp } = unanswered(rendezvous, 5)
      expect(fired).to.deep.equal([5_000, 5_200, 5_500, 6_000, 6_500].map(ms))
      expect(gaveUp).to.deep.equal([4])
      expect(rendezvous.observation.mapping).to.equal('blocked')
    })

    it('asks once a second at most', () => {
      const rendezvous = resting()
      rendezvous.check(ms(100))
      expect(rendezvous.pollTimeout()).to.equal(s(1))
      rendezvous.check(s(5))
      rendezvous.handleTimeout(s(5))
      rendezvous.handleResponse(ms(5_010), server, answer())
      for (let at = 5_020; at < 6_000; at += 100) rendezvous.check(ms(at))
      expect(rendezvous.pollTimeout()).to.equal(s(6))
    })

    it('does not wait longer than it would have, and not as long once the server is given up', () => {
      const rendezvous = client()
      rendezvous.check(0)
      expect(rendezvous.pollTimeout()).to.equal(0)
      const { fired } = unanswered(rendezvous, 10)
      rendezvous.check(fired[9]! + s(3))
      expect(rendezvous.pollTimeout()).to.equal(fired[9]! + s(3))
    })
  })

  it('tells what the server saw when it changes and not when it is the same', () => {
    const rendezvous = client()
    expect(rendezvous.observation.address).to.equal(undefined)
    expect(rendezvous.handleResponse(0, server, answer())).to.equal(true)
    expect(rendezvous.observation.address).to.deep.equal(seen)
    expect(rendezvous.handleResponse(0, server, answer())).to.equal(false)
    expect(rendezvous.handleResponse(0, server, answer({ ...seen, port: 50_001 }))).to.equal(true)
    expect(rendezvous.handleResponse(0, server, answer({ ...seen, host: '198.51.100.8' }))).to.equal(true)
  })

  it('refreshes every 25 seconds while it is answered', () => {
    const rendezvous = client()
    rendezvous.handleTimeout(0)
    rendezvous.handleResponse(ms(30), server, answer())
    expect(rendezvous.pollTimeout()).to.equal(ms(30) + s(25))
    rendezvous.handleTimeout(ms(30) + s(25))
    expect(rendezvous.pollTransmit()).to.not.equal(undefined)
    expect(rendezvous.pollTimeout()).to.equal(ms(230) + s(25))
  })

  it('forgets the address when the server falls silent, and tells it again when it is back', () => {
    const rendezvous = client()
    rendezvous.handleTimeout(0)
    rendezvous.handleResponse(0, server, answer())
    expect(unanswered(rendezvous, 5).gaveUp).to.deep.equal([4])
    expect(rendezvous.observation.address).to.equal(undefined)
    expect(rendezvous.handleResponse(s(60), server, answer())).to.equal(true)
    expect(unanswered(rendezvous, 5).gaveUp).to.deep.equal([4])
  })

  it('believes nobody who does not know the token', () => {
    const rendezvous = client()
    expect(rendezvous.handleResponse(0, server, encodeResponse(new Uint8Array(16), seen))).to.equal(false)
    expect(rendezvous.handleResponse(0, server, answer().subarray(1))).to.equal(false)
    expect(rendezvous.handleResponse(0, server, new Uint8Array(0))).to.equal(false)
    expect(rendezvous.observation.address).to.equal(undefined)
  })

  describe('with a second port of the server', () => {
    const probe = { ...server, port: 7_789 }
    const probing = (isOwn = false): RendezvousClient => client({ probes: [probe], isOwn: () => isOwn })
    /** Has asked the first port and heard of `seen`, 30 ms after the start. */
    const seenOnce = (isOwn = false): RendezvousClient => {
      const rendezvous = probing(isOwn)
      rendezvous.handleTimeout(0)
      rendezvous.pollTransmit()
      expect(rendezvous.handleResponse(ms(30), server, answer())).to.equal(true)
      return rendezvous
    }
    /** Everything that is due at `now`. */
    const sent = (rendezvous: RendezvousClient, now: number): number[] => {
      const ports: number[] = []
      rendezvous.handleTimeout(now)
      for (let t = rendezvous.pollTransmit(); t; t = rendezvous.pollTransmit()) ports.push(t.to.port)
      return ports
    }

    it('knows nothing before it is answered', () => {
      expect(probing().observation).to.deep.equal({ address: undefined, mapping: 'unknown' })
      expect(seenOnce().observation).to.deep.equal({ address: seen, mapping: 'unknown' })
    })

    it('asks the second port once the first has answered, with the same request, and no more when it has answered', () => {
      const rendezvous = seenOnce()
      expect(rendezvous.pollTimeout()).to.equal(ms(30))
      expect(sent(rendezvous, ms(30))).to.deep.equal([probe.port])
      rendezvous.handleResponse(ms(60), probe, answer())
      expect(rendezvous.pollTimeout()).to.equal(ms(30) + s(25))
      expect(sent(rendezvous, ms(30) + s(25))).to.deep.equal([server.port])
    })

    it('tells a NAT that shows one address from one that shows two, by port and by address', () => {
      for (const [other, mapping] of [
        [seen, 'endpoint-independent'],
        [{ ...seen, port: 50_001 }, 'dependent'],
        [{ ...seen, host: '198.51.100.8' }, 'dependent'],
      ] as const) {
        const rendezvous = seenOnce()
        sent(rendezvous, ms(30))
        expect(rendezvous.handleResponse(ms(60), probe, answer(other))).to.equal(true)
        expect(rendezvous.observation).to.deep.equal({ address: seen, mapping })
        expect(rendezvous.handleResponse(ms(61), probe, answer(other)), 'again').to.equal(false)
      }
    })

    it('needs no second port where the first sees the socket’s own address', () => {
      const rendezvous = seenOnce(true)
      expect(rendezvous.observation).to.deep.equal({ address: seen, mapping: 'none' })
      expect(sent(rendezvous, s(20))).to.deep.equal([])
    })

    it('asks again when the first sees another address, and believes no answer from before', () => {
      const rendezvous = seenOnce()
      sent(rendezvous, ms(30))
      rendezvous.handleResponse(ms(60), probe, answer())
      const moved = { ...seen, port: 60_000 }
      expect(rendezvous.handleResponse(s(30), server, answer(moved))).to.equal(true)
      expect(rendezvous.observation.mapping).to.equal('unknown')
      expect(rendezvous.handleResponse(s(30), probe, answer()), 'late').to.equal(false)
      expect(sent(rendezvous, s(30))).to.include(probe.port)
      rendezvous.handleResponse(s(30) + ms(30), probe, answer(moved))
      expect(rendezvous.observation).to.deep.equal({ address: moved, mapping: 'endpoint-independent' })
    })

    it('goes on asking a second port that is silent, and says nothing of it', () => {
      const rendezvous = seenOnce()
      const asked: number[] = []
      for (let at = rendezvous.pollTimeout(); at < s(5); at = rendezvous.pollTimeout()) {
        asked.push(...sent(rendezvous, at))
      }
      expect(asked).to.deep.equal(Array(7).fill(probe.port))
      expect(rendezvous.observation).to.deep.equal({ address: seen, mapping: 'unknown' })
    })

    it('is blocked when the first port falls silent, until it answers again', () => {
      const rendezvous = probing()
      expect(unanswered(rendezvous, 5).gaveUp).to.deep.equal([4])
      expect(rendezvous.observation).to.deep.equal({ address: undefined, mapping: 'blocked' })
      expect(rendezvous.handleResponse(s(60), server, answer())).to.equal(true)
      expect(rendezvous.observation).to.deep.equal({ address: seen, mapping: 'unknown' })
    })
  })

  describe('with more addresses of the server', () => {
    const elsewhere = { host: '203.0.113.3', port: 40_000 }
    const probe = { ...server, port: 7_789 }
    const across = { host: '2001:db8:5::2', port: server.port }
    /** What is asked until `until`, and where; `answered` are those that answer at once with `seen`. */
    const asked = (rendezvous: RendezvousClient, until: number, answered: readonly unknown[]): string[] => {
      const to: string[] = []
      for (let now = 0; now <= until; now += ms(10)) {
        rendezvous.handleTimeout(now)
        for (let each = rendezvous.pollTransmit(); each; each = rendezvous.pollTransmit()) {
          to.push(`${each.to.host} ${each.to.port}`)
          if (answered.includes(each.to)) rendezvous.handleResponse(now, each.to, answer())
        }
      }
      return to
    }

    it('learns the mapping from a second address, and asks no second port then', () => {
      const rendezvous = client({ probes: [elsewhere, probe] })
      expect(asked(rendezvous, s(5), [server, elsewhere])).to.deep.equal(['192.0.2.1 7788', '203.0.113.3 40000'])
      expect(rendezvous.observation.mapping).to.equal('endpoint-independent')
    })

    it('asks the second port when the second address does not answer', () => {
      const rendezvous = client({ probes: [elsewhere, probe] })
      const to = asked(rendezvous, s(5), [server, probe])
      expect(to.filter((each) => each === '203.0.113.3 40000')).to.have.lengthOf(4)
      expect(to.at(-1)).to.equal('192.0.2.1 7789')
      expect(rendezvous.observation.mapping).to.equal('endpoint-independent')
    })

    it('tells the server of the other family’s address, too, which says nothing of the first one’s', () => {
      const rendezvous = client({ across })
      expect(asked(rendezvous, s(30), [across]).filter((each) => each.startsWith('2001:'))).to.have.lengthOf(2)
      expect(rendezvous.observation).to.deep.equal({ address: undefined, mapping: 'blocked' })
    })
  })
})
