import { expect } from 'chai'
import { millis, seconds } from '../../src/core/time/instant.ts'
import type { EndpointEvent } from '../../src/core/transport/endpoint.ts'
import type { LinkMachine } from '../../src/core/transport/link-machine.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { makeEnd, type End } from '../helpers/linked-pair.ts'
import { Network, PATHS } from '../helpers/network.ts'
import { seededBytes, seededRandom } from '../helpers/random.ts'

/** One side that calls and is called, and says its word on every link that opens. */
class Caller {
  readonly end: End
  readonly opened: LinkMachine[] = []
  readonly closed: LinkMachine[] = []
  readonly heard = new Map<LinkMachine, string>()

  constructor(host: string, random: (length: number) => Uint8Array) {
    this.end = makeEnd(host, random)
  }

  handle(event: EndpointEvent): void {
    if (event.type !== 'link') return
    const { link } = event
    if (event.event.type === 'open') {
      this.opened.push(link)
      this.say(link, `${this.end.host} is here. `)
    } else if (event.event.type === 'closed') this.closed.push(link)
    else if (event.event.type === 'data')
      this.heard.set(link, (this.heard.get(link) ?? '') + Buffer.from(event.event.bytes).toString())
  }

  say(link: LinkMachine, text: string): void {
    link.connection!.streams.write(link.openStream(0), Buffer.from(text))
    this.end.endpoint.touch(link)
  }

  /** Links that are neither closed nor half-made. */
  get open(): LinkMachine[] {
    return [...this.end.endpoint.links].filter(({ state }) => state === 'open')
  }
}

/** Two who expect each other on a path drawn from `seed`; `call` dials, `meet` waits until nothing more can change. */
function meeting(seed: number, changes: object = {}) {
  const random = seededRandom(seed)
  const path = { ...PATHS.LAN, delay: millis(1 + 60 * random()), jitter: millis(150 * random()), drop: 0.2 * random() }
  const bytes = seededBytes(random)
  const callers: Record<string, Caller> = {}
  const network = new Network<EndpointEvent>({ ...path, ...changes }, seed, (host, event) =>
    callers[host]!.handle(event),
  )
  for (const host of ['a', 'b']) {
    callers[host] = new Caller(host, bytes)
    network.add(host, callers[host].end.endpoint)
  }
  const { a, b } = callers as { a: Caller; b: Caller }
  for (const [one, { end: other }] of [
    [a, b],
    [b, a],
  ] as const)
    one.end.endpoint.expect({ instance: other.instance, key: other.key })
  const call = (from: Caller, { end: to }: Caller): LinkMachine =>
    from.end.endpoint.connect(network.now, { instance: to.instance, key: to.key }, [{ host: to.host, port: 1 }])
  return { network, a, b, random, call }
}

/** One link is left, the same on both sides, and it works. */
function expectOne(network: Network<EndpointEvent>, a: Caller, b: Caller): void {
  const [atA, atB] = [a.open, b.open]
  expect([atA.length, atB.length], 'open links').to.deep.equal([1, 1])
  expect(atA[0]!.isInitiator, 'the same one').to.equal(!atB[0]!.isInitiator)
  expect(a.closed.includes(atA[0]!) || b.closed.includes(atB[0]!)).to.equal(false)
  a.say(atA[0]!, 'bye from a')
  b.say(atB[0]!, 'bye from b')
  const heard = (): string => `${b.heard.get(atB[0]!)} ${a.heard.get(atA[0]!)}`
  network.run(() => /a is here.*bye from a.*b is here.*bye from b/.test(heard()), seconds(20))
}

describe('sim: both sides call at once', () => {
  forSeeds(
    import.meta.url,
    'one link is left, the same on both sides, and what was said is heard on it',
    1_000,
    (seed) => {
      const { network, a, b, random, call } = meeting(seed)
      call(a, b)
      network.pass(millis(300 * random() * random()))
      call(b, a)
      network.pass(seconds(14))
      expectOne(network, a, b)
      // The side that sorts first and the other one: who was told of a link that did not last was told of its end.
      for (const { opened, closed, open } of [a, b]) {
        expect(opened).to.include(open[0]!)
        expect(opened.length).to.be.at.most(2)
        for (const link of opened) expect(closed.includes(link)).to.equal(link !== open[0])
      }
    },
  )

  forSeeds(
    import.meta.url,
    'on a path without jitter the side that sorts first has its way, and hears of nothing else',
    20,
    (seed) => {
      const { network, a, b, call } = meeting(seed, { jitter: 0, drop: 0 })
      const [first, second] = a.end.instance < b.end.instance ? [a, b] : [b, a]
      const own = call(first, second)
      call(second, first)
      network.pass(seconds(14))
      expectOne(network, a, b)
      expect(first.opened).to.deep.equal([own])
      expect(first.closed).to.deep.equal([])
    },
  )

  forSeeds(
    import.meta.url,
    'a call after the other side lost its link replaces what is left of it, whoever sorts first',
    20,
    (seed) => {
      const { network, a, b, call } = meeting(seed)
      const [old] = [call(a, b)]
      network.run(() => [a, b].every(({ open }) => open.length === 1 && open[0]!.isProven), seconds(20))
      network.pass(seconds(1))
      // b forgets the link without a word reaching a.
      b.open[0]!.close(network.now, 0, 'gone')
      while (b.end.endpoint.pollTransmit(network.now));
      expect(old.state).to.equal('open')
      call(b, a)
      network.pass(seconds(8))
      expectOne(network, a, b)
      expect(old.state).to.equal('closed')
    },
  )
})
