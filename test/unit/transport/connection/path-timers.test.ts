import { expect } from 'chai'
import type { SocketAddress } from '../../../../src/core/transport/endpoint-api.ts'
import { PathSet } from '../../../../src/core/transport/connection/path-set.ts'
import { seededBytes, seededRandom } from '../../../helpers/random.ts'
import { ms, s } from '../../../helpers/time.ts'

const A = { host: '192.0.2.1', port: 1 }
const B = { host: '192.0.2.2', port: 1 }
const LAN = { host: '192.168.1.2', port: 1 }
const RELAY = { host: '203.0.113.2', port: 7_788, channel: '0011223344556677' }
const OTHER_RELAY = { ...RELAY, channel: '8899aabbccddeeff' }
const ALL = [A, B, LAN, RELAY, OTHER_RELAY]
const PTO = ms(100)

/** Runs a set's timers as a driver does. @returns how often they ran out. */
function run(paths: PathSet, from: number, duration: number, there: ReadonlySet<SocketAddress>): number {
  let now = from
  for (let count = 0; ; count++) {
    const at = paths.pollTimeout()
    if (at > from + duration) return count
    if (count > MAX) throw new Error(`timers ran out ${count} times in ${duration / 1_000} ms, last at ${now}`)
    now = Math.max(now, at)
    paths.handleTimeout(now, PTO)
    for (let frame = paths.pollFrame(); frame; frame = paths.pollFrame())
      if (frame.kind === 'challenge' && there.has(frame.to)) paths.handleResponse(now, frame.to, frame.token, PTO)
    while (paths.pollMove());
  }
}
const MAX = 1_000

const createPaths = (isInitiator = true): PathSet =>
  new PathSet({ isInitiator, random: seededBytes(seededRandom(1)), isNear: () => false })

describe('transport/connection/path-set: timers', () => {
  it('ask for nothing when the only other way goes while a silent path is asked', () => {
    const paths = createPaths()
    paths.offer(0, [A, RELAY])
    paths.open(0, A)
    paths.onUsed(0)
    run(paths, 0, s(3.2), new Set())
    paths.offer(s(3.2), [A])
    expect(run(paths, s(3.2), s(20), new Set())).to.be.below(100)
  })

  it('run out at most thirty times a second, whatever happens', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed)
      const pick = (n: number): number => Math.floor(random() * n)
      const some = (): SocketAddress[] => ALL.filter(() => random() < 0.5)
      const paths = createPaths(seed % 2 === 0)
      paths.offer(0, some())
      paths.open(0, ALL[pick(ALL.length)]!)
      let now = 0
      for (let i = 0; i < 60; i++) {
        const stranger = { host: '198.51.100.9', port: 1 + pick(20) }
        const from = random() < 0.3 ? stranger : ALL[pick(ALL.length)]!
        const events = [
          () => paths.offer(now, some()),
          () => paths.onNewest(now, from),
          () => paths.handleChallenge(now, from, new Uint8Array(8)),
          () => paths.onNetworkChange(now),
          () => paths.onProbeTimeout(now, 1 + pick(3)),
          () => paths.onAcked(now),
          () => paths.onUsed(now),
          () => void paths.onSending(now),
          () => paths.guess(now, B, 4),
        ]
        events[pick(events.length)]!()
        const duration = [ms(10), ms(300), s(3), s(40)][pick(4)]!
        const count = run(paths, now, duration, new Set(some()))
        expect(count, `seed ${seed}, step ${i}`).to.be.at.most(10 + (40 * duration) / s(1))
        now += duration
      }
    }
  })
})
