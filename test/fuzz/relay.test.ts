import { expect } from 'chai'
import fc from 'fast-check'
import { addressOf, channelOf, relayed, RelayLab } from '../helpers/relay-lab.ts'
import { s } from '../helpers/time.ts'

const CONNECTIONS = 6
const id = fc.integer({ min: 1, max: CONNECTIONS })
const pair = fc.tuple(id, id).filter(([a, b]) => a < b)

type Step =
  | { readonly do: 'open' | 'close'; readonly pair: readonly [number, number] }
  | { readonly do: 'see'; readonly id: number; readonly at: number }
  | { readonly do: 'attach' | 'detach' | 'leave' | 'enter'; readonly id: number }
  | { readonly do: 'wait'; readonly for: number }
  | {
      readonly do: 'send'
      readonly from: number
      readonly isLeg: boolean
      readonly pair: readonly [number, number]
      readonly size: number
    }
  | { readonly do: 'noise'; readonly from: number; readonly bytes: Uint8Array }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('open' as const, 'close' as const), pair }),
  fc.record({ do: fc.constant('see' as const), id, at: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constantFrom('attach' as const, 'detach' as const, 'leave' as const, 'enter' as const), id }),
  fc.record({ do: fc.constant('wait' as const), for: fc.integer({ min: 0, max: 40 }) }),
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      from: fc.integer({ min: 1, max: 9 }),
      isLeg: fc.boolean(),
      pair,
      size: fc.integer({ min: 10, max: 1_460 }),
    }),
  },
  fc.record({
    do: fc.constant('noise' as const),
    from: fc.integer({ min: 1, max: 9 }),
    bytes: fc.uint8Array({ maxLength: 64 }),
  }),
)

/** What the relay must know, kept in the plainest way. */
interface Model {
  readonly channels: Set<string>
  readonly here: Set<number>
  readonly seen: Map<number, { at: number; when: number }>
  readonly legs: Set<number>
}

describe('the relay, whatever happens', () => {
  it('gives a datagram to the other end of its channel, and to nobody else', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }), (steps) => {
        const lab = new RelayLab({}, 0)
        const model: Model = { channels: new Set(), here: new Set(), seen: new Map(), legs: new Set() }
        for (let id = 1; id <= CONNECTIONS; id++) play(lab, model, { do: 'enter', id })
        for (const one of steps) play(lab, model, one)
        const { datagrams, drops, channels, legs } = lab.relay.totals
        expect(datagrams + Object.values(drops).reduce((sum, n) => sum + n, 0)).to.equal(
          steps.filter((one) => one.do === 'send' || one.do === 'noise').length,
        )
        expect([channels, legs]).to.deep.equal([model.channels.size, model.legs.size])
      }),
      { numRuns: 500 },
    )
  })
})

function play(lab: RelayLab, model: Model, one: Step): void {
  const { relay } = lab
  switch (one.do) {
    case 'enter':
      if (model.here.has(one.id)) return
      model.here.add(one.id)
      return lab.enter(one.id, `u${one.id % 3}`, null)
    case 'leave':
      // Whoever goes is introduced to nobody any more.
      for (const name of [...model.channels]) if (ends(name).includes(one.id)) close(lab, model, name)
      for (const known of [model.here, model.seen, model.legs]) known.delete(one.id)
      return relay.leave(one.id)
    case 'open':
      if (!one.pair.every((end) => model.here.has(end))) return
      model.channels.add(channelOf(...one.pair))
      return void lab.open(...one.pair)
    case 'close':
      return close(lab, model, channelOf(...one.pair))
    case 'see':
      if (model.here.has(one.id)) model.seen.set(one.id, { at: one.at, when: lab.now })
      return relay.see(lab.now, one.id, addressOf(one.at), true)
    case 'attach':
      if (model.here.has(one.id)) model.legs.add(one.id)
      return relay.attach(one.id)
    case 'detach':
      model.legs.delete(one.id)
      return relay.detach(one.id)
    case 'wait':
      lab.now += s(one.for)
      return relay.sweep(lab.now)
    case 'noise':
      expect(relay.handle(lab.now, addressOf(one.from), one.bytes)).to.equal(undefined)
      return
    case 'send': {
      const name = channelOf(...one.pair)
      const from = one.isLeg ? one.from : addressOf(one.from)
      const target = relay.handle(lab.now, from, relayed(name, one.size))
      expect(target?.id).to.equal(expected(lab, model, one))
      if (target && !target.hasLeg) expect(target.address).to.deep.equal(addressOf(model.seen.get(target.id)!.at))
    }
  }
}

function expected(lab: RelayLab, model: Model, one: Extract<Step, { do: 'send' }>): number | undefined {
  if (one.size > 1_452 || !model.channels.has(channelOf(...one.pair))) return undefined
  const isFresh = (end: number): boolean => lab.now - (model.seen.get(end)?.when ?? -Infinity) <= s(60)
  const sends = (end: number): boolean =>
    one.isLeg ? model.legs.has(end) && end === one.from : isFresh(end) && model.seen.get(end)!.at === one.from
  const [a, b] = one.pair
  const target = sends(a) ? b : sends(b) ? a : undefined
  return target !== undefined && (model.legs.has(target) || isFresh(target)) ? target : undefined
}

const ends = (name: string): number[] => [0, 2].map((at) => Number.parseInt(name.slice(at, at + 2), 16))

function close(lab: RelayLab, model: Model, name: string): void {
  model.channels.delete(name)
  lab.relay.close(name)
}
