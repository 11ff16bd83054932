import { expect } from 'chai'
import { forSeeds } from '../helpers/for-seeds.ts'
import { Meeting, type Place } from '../helpers/meeting.ts'
import { DEPENDENCES, type NatOptions } from '../helpers/nat.ts'
import { PATHS, type Path } from '../helpers/network.ts'
import { s } from '../helpers/time.ts'

type Kind = Pick<NatOptions, 'mapping' | 'filtering'> | undefined

const KINDS: readonly Kind[] = [
  undefined,
  ...DEPENDENCES.flatMap((mapping) => DEPENDENCES.map((filtering) => ({ mapping, filtering }))),
]
const PAIRS = KINDS.flatMap((a) => KINDS.map((b) => [a, b] as const))

const placeOf = (kind: Kind): Place => (kind ? { nat: { ...kind, ports: 'random' } } : {})
const isKept = (kind: Kind): boolean => kind === undefined || kind.mapping === 'endpoint-independent'
const letsIn = (kind: Kind): boolean => kind === undefined || kind.filtering !== 'address-and-port-dependent'

/** What the two must come to; `undefined` where filters that tell less apart than mappings may help. */
function expected(a: Kind, b: Kind): 'direct' | 'relayed' | undefined {
  if (isKept(a) && isKept(b)) return 'direct'
  const [kept, other] = isKept(a) ? [a, b] : [b, a]
  if (!isKept(kept)) return letsIn(kept) || letsIn(other) ? undefined : 'relayed'
  return letsIn(kept) ? 'direct' : 'relayed'
}

/** Home links, with losses. */
const PATH: Path = { ...PATHS.DSL, drop: 0.02 }

describe('sim: two people, wherever they are', () => {
  forSeeds(import.meta.url, 'are linked at once, and directly wherever their NATs let them', 1_000, (seed) => {
    const [a, b] = PAIRS[seed % PAIRS.length]!
    const meeting = new Meeting(PATH, seed, { a: placeOf(a), b: placeOf(b) }).introduce()
    meeting.network.run(() => meeting.a.isOpen && meeting.b.isOpen, s(2))
    meeting.network.pass(s(5))
    const path = expected(a, b)
    const label = JSON.stringify({ a, b })
    if (path) expect(meeting.paths, label).to.equal(`${path} ${path}`)
    expect(new Set(meeting.paths.split(' ')).size, `${label}: ${meeting.paths}`).to.equal(1)
    expect(meeting.a.closed, label).to.equal(undefined)
  })

  forSeeds(import.meta.url, 'behind one NAT meet inside it, whether or not it lets them in from there', 20, (seed) => {
    for (const hairpins of [false, true]) {
      const nat = { mapping: DEPENDENCES[seed % 3]!, hairpins }
      const meeting = new Meeting(PATH, seed, { a: { nat }, b: { nat: 'the same' } }).introduce()
      meeting.network.pass(s(3))
      expect(meeting.paths).to.equal('lan lan')
    }
  })
})
