import { expect } from 'chai'
import type { Duration } from '../../src/core/time/instant.ts'
import { Flow } from '../helpers/flow.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { receivedOn } from '../helpers/linked-pair.ts'
import { Meeting } from '../helpers/meeting.ts'
import { PATHS, type Path } from '../helpers/network.ts'
import { ms, s } from '../helpers/time.ts'

/** Both at home, with losses. */
const PATH: Path = { ...PATHS.DSL, drop: 0.01 }
const HOMES = { a: { nat: {} }, b: { nat: {} } } as const

const met = (seed: number, path = PATH): Meeting => {
  const meeting = new Meeting(path, seed, HOMES).introduce()
  meeting.network.run(() => meeting.a.isOpen && meeting.b.isOpen, s(2))
  return meeting
}

/** Lets `duration` pass. @returns the longest time in which nothing arrived. */
function longestSilence(flow: Flow, duration: Duration): Duration {
  let longest = 0
  for (let passed = 0, quiet = 0; passed < duration; passed += STEP) {
    quiet = flow.pass(STEP) > 0 ? 0 : quiet + STEP
    longest = Math.max(longest, quiet)
  }
  return longest
}
const STEP = ms(50)

/** Says something at `a`. @returns how long it takes to `b`. */
function say(meeting: Meeting, text: string): Duration {
  const { network, a, b } = meeting
  const before = receivedOn(b, 0).byteLength
  meeting.write(a, Buffer.from(text))
  const startedAt = network.now
  network.run(() => receivedOn(b, 0).byteLength > before, s(20))
  return network.now - startedAt
}

describe('sim: a path that comes and goes', () => {
  for (const direction of ['up', 'down'] as const)
    forSeeds(import.meta.url, `${direction}: relayed, direct at 3 s, relayed at 10 s, direct again`, 10, (seed) => {
      const meeting = new Meeting(PATH, seed, HOMES)
      meeting.network.run(() => meeting.server.seen.size === 2, s(30))
      meeting.cut('direct')
      meeting.introduce()
      meeting.network.run(() => meeting.a.isOpen && meeting.b.isOpen, s(2))
      const [from, to] = direction === 'up' ? [meeting.a, meeting.b] : [meeting.b, meeting.a]
      const flow = new Flow(meeting.network, from, to)
      const silences: Duration[] = [longestSilence(flow, s(3))]
      expect(meeting.paths).to.equal('relayed relayed')
      meeting.cut('nothing')
      silences.push(longestSilence(flow, s(7)))
      expect(meeting.paths).to.equal('direct direct')
      meeting.cut('direct')
      silences.push(longestSilence(flow, s(7)))
      expect(meeting.paths).to.equal('relayed relayed')
      meeting.cut('nothing')
      silences.push(longestSilence(flow, s(15)))
      expect(meeting.paths).to.equal('direct direct')
      if (process.env['SIM_REPORT'] !== undefined)
        console.log(`      longest silences ${silences.map((each) => each / 1_000).join(', ')} ms`)
      expect(Math.max(...silences), `silences ${silences.map((each) => each / 1_000).join(', ')} ms`).to.be.at.most(
        s(2),
      )
    })

  forSeeds(import.meta.url, 'a conversation notices a dead path within 6.5 s, and loses nothing', 10, (seed) => {
    const meeting = met(seed)
    const stream = meeting.a.link!.openStream(0)
    expect(stream).to.equal(0)
    meeting.network.pass(s(3))
    expect(meeting.paths).to.equal('direct direct')
    say(meeting, 'before')
    meeting.cut('direct')
    meeting.network.pass(s(6.5))
    expect(meeting.paths).to.equal('relayed relayed')
    expect(say(meeting, 'after')).to.be.at.most(s(1))
    expect(receivedOn(meeting.b, 0).toString()).to.equal('beforeafter')
  })

  forSeeds(import.meta.url, 'a link that is stalled has the server asked where this side is now', 10, (seed) => {
    const meeting = met(seed)
    meeting.a.link!.openStream(0)
    meeting.network.pass(s(3))
    meeting.network.recorded.length = 0
    meeting.cut('direct')
    meeting.write(meeting.a, Buffer.from('lost'))
    meeting.network.pass(s(5))
    const asked = meeting.network.recorded.filter(({ to, payload }) => payload[0] === 0x20 && to.port === 7_788)
    expect(asked.length).to.be.within(1, 8)
  })

  forSeeds(
    import.meta.url,
    'a word after ten idle minutes arrives within a second, whatever became of the path',
    10,
    (seed) => {
      const meeting = met(seed)
      meeting.a.link!.openStream(0)
      meeting.network.pass(s(3))
      say(meeting, 'before')
      meeting.network.pass(s(600))
      expect(meeting.paths, 'mappings of 30 s are held').to.equal('direct direct')
      expect(say(meeting, 'idle')).to.be.at.most(s(1))
      meeting.network.pass(s(595))
      meeting.cut('direct')
      meeting.network.pass(s((seed % 10) + 1))
      expect(say(meeting, 'cut'), 'over a path that died meanwhile').to.be.at.most(s(1))
      expect(receivedOn(meeting.b, 0).toString()).to.equal('beforeidlecut')
    },
  )
})
