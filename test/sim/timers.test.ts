import { expect } from 'chai'
import { forSeeds } from '../helpers/for-seeds.ts'
import { Meeting, type Place } from '../helpers/meeting.ts'
import { PATHS } from '../helpers/network.ts'
import { seededRandom } from '../helpers/random.ts'
import { ms, s } from '../helpers/time.ts'
import type { End } from '../helpers/linked-pair.ts'

const PLACES: readonly Place[] = [{}, { nat: {} }, { nat: { mapping: 'address-and-port-dependent' } }]

/** Counts how often a machine's timer runs out. */
function watch({ endpoint }: End): { count: number } {
  const counts = { count: 0 }
  const handleTimeout = endpoint.handleTimeout.bind(endpoint)
  endpoint.handleTimeout = (now) => {
    // A timer in the past would run out for ever.
    if (++counts.count > 10_000) throw new Error('a timer spins')
    handleTimeout(now)
  }
  return counts
}

describe('sim: timers of a link', () => {
  forSeeds(import.meta.url, 'run out seldom, whatever becomes of its paths', 200, (seed) => {
    const random = seededRandom(seed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
    const meeting = new Meeting({ ...PATHS.DSL, drop: 0.02 }, seed, { a: pick(PLACES), b: pick(PLACES) })
    meeting.introduce()
    const { network, a, b } = meeting
    const watched = [a, b].map((end) => ({ end, counts: watch(end) }))
    const peerOf = (end: End): End => (end === a ? b : a)
    const say = (end: End): void => meeting.say(end)
    const guide = (end: End, hasAll: boolean): void =>
      end.endpoint.guide(network.now, peerOf(end).instance, hasAll ? meeting.candidates(peerOf(end).host as 'a') : [])
    const events: ReadonlyArray<(end: End) => void> = [
      ...[say, say, say, say, say, say],
      () => meeting.cut('direct'),
      () => meeting.cut('relay'),
      ...Array.from({ length: 3 }, () => () => meeting.cut('nothing')),
      (end) => network.rebind(end.host),
      (end) => end.endpoint.handleNetworkChange(network.now),
      (end) => guide(end, false),
      (end) => guide(end, true),
      (end) => void end.endpoint.guess(network.now, peerOf(end).instance, 'sockets', meeting.candidates('a')[0]!),
      (end) => meeting.act(end, ({ connection }) => connection!.probe(network.now)),
    ]
    network.run(() => a.isOpen && b.isOpen, s(5))
    for (let i = 0; i < 40; i++) {
      pick(events)(pick([a, b]))
      const duration = pick([ms(20), ms(700), s(3), s(4), s(12)])
      for (const { counts } of watched) counts.count = 0
      network.pass(duration)
      for (const { end, counts } of watched)
        expect(counts.count, `step ${i}, ${end.host}, ${meeting.paths}`).to.be.at.most(20 + (60 * duration) / s(1))
    }
    for (const end of [a, b]) meeting.act(end, (link) => link.close(network.now, 0, ''))
    network.pass(s(20))
    for (const { counts } of watched) counts.count = 0
    network.pass(s(60))
    // Closed and done: what goes on is the server's port that holds the mapping.
    for (const { counts } of watched) expect(counts.count).to.be.at.most(60)
  })
})
