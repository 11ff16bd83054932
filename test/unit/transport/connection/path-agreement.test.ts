import { expect } from 'chai'
import { PathSet } from '../../../../src/core/transport/connection/path-set.ts'
import type { PathKind, SocketAddress } from '../../../../src/core/transport/endpoint-api.ts'
import { addressKey } from '../../../../src/core/transport/socket-address.ts'
import { seededBytes, seededRandom } from '../../../helpers/random.ts'
import { ms, s } from '../../../helpers/time.ts'

/** A way between both: where each sees the other on it, how long it takes one way, and whether it carries anything. */
interface Way {
  readonly address: SocketAddress
  delay: number
  isAlive: boolean
}

interface Packet {
  readonly at: number
  readonly to: 0 | 1
  readonly way: Way
  readonly number: number
  readonly frame: { readonly kind: 'challenge' | 'response' | 'data'; readonly token: Uint8Array }
}

/** Both sides' paths, joined by ways of their own; each says something every 5 ms. */
class Talk {
  now = 0
  readonly sides: readonly [PathSet, PathSet]
  readonly moves = [0, 0]
  readonly ways: readonly Way[]
  /** Milliseconds in which either side doubted. */
  doubted = 0
  readonly #flights: Packet[] = []
  readonly #next = [0, 0]
  readonly #largest = [-1, -1]

  constructor(ways: readonly Way[]) {
    this.ways = ways
    const create = (isInitiator: boolean): PathSet =>
      new PathSet({ isInitiator, random: seededBytes(seededRandom(isInitiator ? 1 : 2)), isNear: () => false })
    this.sides = [create(true), create(false)]
    for (const side of this.sides) {
      side.offer(
        0,
        ways.map(({ address }) => address),
      )
      side.open(0, ways.at(-1)!.address)
    }
    this.#at = [ways.at(-1)!.address, ways.at(-1)!.address]
  }

  readonly #at: SocketAddress[]

  get kinds(): PathKind[] {
    return this.sides.map(({ kind }) => kind)
  }

  get places(): string[] {
    return this.#at.map(addressKey)
  }

  pass(duration: number): this {
    for (const until = this.now + duration; this.now < until; this.now += ms(1)) this.#step()
    return this
  }

  #step(): void {
    for (const [i, side] of this.sides.entries()) {
      side.handleTimeout(this.now, PTO)
      if (this.now % ms(5) === 0) {
        side.onUsed(this.now)
        side.onSending(this.now)
        const number = this.#next[i]!++
        for (const to of [this.#at[i]!, side.copyTo]) if (to) this.#send(i, to, number, DATA)
      }
      this.#drain(i, side)
    }
    if (this.sides.some(({ isDoubted }) => isDoubted)) this.doubted++
    for (const packet of this.#flights.filter(({ at }) => at <= this.now)) {
      this.#flights.splice(this.#flights.indexOf(packet), 1)
      this.#deliver(packet)
    }
  }

  #drain(i: number, side: PathSet): void {
    for (let frame = side.pollFrame(); frame; frame = side.pollFrame()) this.#send(i, frame.to, this.#next[i]!++, frame)
    for (let move = side.pollMove(); move; move = side.pollMove()) {
      this.moves[i]!++
      this.#at[i] = move.to
    }
  }

  #send(from: number, to: SocketAddress, number: number, frame: Packet['frame']): void {
    const way = this.ways.find(({ address }) => addressKey(address) === addressKey(to))
    if (way?.isAlive) this.#flights.push({ at: this.now + way.delay, to: from === 0 ? 1 : 0, way, number, frame })
  }

  #deliver({ to, way: { address, isAlive }, number, frame }: Packet): void {
    if (!isAlive) return
    const side = this.sides[to]
    if (frame.kind === 'challenge') side.handleChallenge(this.now, address, frame.token)
    else if (frame.kind === 'response') side.handleResponse(this.now, address, frame.token, PTO)
    else if (number > this.#largest[to]!) side.onNewest(this.now, address)
    this.#largest[to] = Math.max(this.#largest[to]!, number)
    this.#drain(to, side)
  }
}

const PTO = ms(150)
const DATA = { kind: 'data', token: new Uint8Array(8) } as const
const RELAY = { host: '203.0.113.2', port: 7_788, channel: '0011223344556677' }
const relay = (delay: number): Way => ({ address: RELAY, delay, isAlive: true })
const way = (host: string, delay: number): Way => ({ address: { host, port: 1 }, delay, isAlive: true })

describe('transport/connection/path-set: two sides', () => {
  it('stop doubting a path that answers, though the relay is quicker', () => {
    const talk = new Talk([way('192.0.2.1', ms(50)), relay(ms(20))]).pass(s(3))
    expect(talk.kinds).to.deep.equal(['direct', 'direct'])
    talk.sides[0].onProbeTimeout(talk.now, 2)
    talk.pass(s(2))
    talk.doubted = 0
    talk.pass(s(5))
    expect(talk.doubted).to.equal(0)
    expect(talk.kinds).to.deep.equal(['direct', 'direct'])
  })

  it('come to one of two equal paths, whatever failed for a while', () => {
    // The first four took both sides from one to the other with every packet, for ever.
    for (const seed of [113, 172, 644, 1_439, ...Array.from({ length: 36 }, (_, i) => i + 1)]) {
      const random = seededRandom(seed)
      const delay = (): number => ms(5 + Math.floor(random() * 60))
      const ways = [way('192.168.1.1', delay()), way('192.168.2.1', delay()), relay(delay())] as const
      const talk = new Talk(ways).pass(s(1))
      for (let i = 0; i < 4; i++) {
        for (const each of ways) each.isAlive = random() < 0.6
        for (const side of talk.sides) if (random() < 0.5) side.onProbeTimeout(talk.now, 2)
        talk.pass(ms(300 + Math.floor(random() * 4_000)))
      }
      for (const each of ways) each.isAlive = true
      talk.pass(s(4))
      const before = [...talk.moves]
      talk.pass(s(2))
      expect(talk.moves, `seed ${seed}`).to.deep.equal(before)
      expect(talk.places[0], `seed ${seed}`).to.equal(talk.places[1])
    }
  })
})
