import { expect } from 'chai'
import { forSeeds } from '../helpers/for-seeds.ts'
import type { End } from '../helpers/linked-pair.ts'
import { Meeting, type Place } from '../helpers/meeting.ts'
import { PATHS } from '../helpers/network.ts'
import { seededRandom } from '../helpers/random.ts'
import { ms, s } from '../helpers/time.ts'

const PLACES: readonly Place[] = [{}, { nat: {} }, { nat: { filtering: 'endpoint-independent' } }]

describe('sim: two sides that were torn apart', () => {
  forSeeds(import.meta.url, 'agree again, on the best path, once everything carries again', 50, (seed) => {
    const random = seededRandom(seed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
    const meeting = new Meeting({ ...PATHS.DSL, drop: 0.02 }, seed, { a: pick(PLACES), b: pick(PLACES) })
    meeting.introduce()
    const { network, a, b } = meeting
    const say = (end: End): void => meeting.say(end)
    network.run(() => a.isOpen && b.isOpen, s(5))
    const isAtServer = (host: string): boolean => host === '203.0.113.2'
    for (let i = 0; i < 15; i++) {
      // What is cut: each of the two straight ways, each of the four to and from the server.
      const cut = [0.4, 0.4, 0.1, 0.1].map((chance) => random() < chance)
      const seen = meeting.server.seen.get(1)
      const isFromA = (host: string): boolean => host === seen?.host
      network.isCut = (from, to) => {
        const isA = isFromA(from.host) || isFromA(to.host)
        if (isAtServer(from.host) || isAtServer(to.host)) return cut[isA ? 2 : 3]!
        return cut[isFromA(from.host) ? 0 : 1]!
      }
      for (let n = 0; n < 6; n++) {
        if (random() < 0.7) say(pick([a, b]))
        if (random() < 0.1) pick([a, b]).endpoint.handleNetworkChange(network.now)
        network.pass(pick([ms(50), ms(400), s(2)]))
      }
      if (a.closed || b.closed) return
    }
    network.isCut = () => false
    for (const end of [a, b]) say(end)
    network.pass(s(5))
    a.endpoint.guide(network.now, b.instance, meeting.candidates('b'))
    b.endpoint.guide(network.now, a.instance, meeting.candidates('a'))
    for (let i = 0; i < 100; i++) {
      network.pass(s(1))
      for (const end of [a, b]) say(end)
    }
    if (a.closed || b.closed) return
    expect(meeting.paths).to.equal('direct direct')
    const moves = meeting.moves.a.length + meeting.moves.b.length
    for (let i = 0; i < 100; i++) {
      network.pass(ms(100))
      for (const end of [a, b]) say(end)
    }
    expect(meeting.moves.a.length + meeting.moves.b.length).to.equal(moves)
  })
})
