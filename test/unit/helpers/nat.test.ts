import { expect } from 'chai'
import { DEPENDENCES, HOME_NAT, Nat, type Dependence, type NatOptions } from '../../helpers/nat.ts'
import { seededRandom } from '../../helpers/random.ts'
import { s } from '../../helpers/time.ts'

const INNER = { host: '192.168.1.10', port: 4_000 }
const OTHER = { host: '192.168.1.11', port: 4_000 }
/** RFC 5780's four ways to the same server: address and port, another port, another address, both. */
const [SERVER, PORT, ADDRESS, BOTH] = [
  { host: '203.0.113.2', port: 7_001 },
  { host: '203.0.113.2', port: 7_002 },
  { host: '203.0.113.3', port: 7_001 },
  { host: '203.0.113.3', port: 7_002 },
]
const nat = (options: Partial<NatOptions> = {}, seed = 1): Nat =>
  new Nat({ ...HOME_NAT, address: '198.51.100.2', ...options }, seededRandom(seed))

describe('helpers/nat', () => {
  describe('mapping (RFC 4787 section 4.1, RFC 5780 section 4.3)', () => {
    const expected: Record<Dependence, readonly boolean[]> = {
      'endpoint-independent': [true, true, true],
      'address-dependent': [true, false, false],
      'address-and-port-dependent': [false, false, false],
    }
    for (const mapping of DEPENDENCES)
      for (const ports of ['preserving', 'sequential', 'random'] as const)
        it(`${mapping}, ${ports} ports: the same outer address for who it does not distinguish, another for who it does`, () => {
          const router = nat({ mapping, ports })
          const first = router.translateOut(0, INNER, SERVER)
          expect(first.host).to.equal('198.51.100.2')
          const isSame = [PORT, ADDRESS, BOTH].map((to) => router.translateOut(0, INNER, to).port === first.port)
          expect(isSame).to.deep.equal(expected[mapping])
          expect(router.translateOut(0, INNER, SERVER)).to.deep.equal(first)
        })

    it('never gives two of its own the same port', () => {
      for (const ports of ['preserving', 'sequential', 'random'] as const) {
        const router = nat({ ports })
        const taken = Array.from({ length: 200 }, (_, i) => ({ host: `192.168.1.${i}`, port: 65_000 }))
        const outer = taken.map((inner) => router.translateOut(0, inner, SERVER).port)
        expect(new Set(outer).size, ports).to.equal(200)
      }
    })
  })

  describe('filtering (RFC 4787 section 5, RFC 5780 section 4.4)', () => {
    const expected: Record<Dependence, readonly boolean[]> = {
      'endpoint-independent': [true, true, true, true],
      'address-dependent': [true, true, false, false],
      'address-and-port-dependent': [true, false, false, false],
    }
    for (const filtering of DEPENDENCES)
      for (const mapping of DEPENDENCES)
        it(`${filtering} with ${mapping} mapping: lets in whom it does not distinguish from who was spoken to`, () => {
          const router = nat({ filtering, mapping })
          const { port } = router.translateOut(0, INNER, SERVER)
          const passes = [SERVER, PORT, ADDRESS, BOTH].map((from) => router.translateIn(0, from, port) !== undefined)
          expect(passes).to.deep.equal(expected[filtering])
        })

    it('hands what comes in to who opened the port, and drops what comes to another', () => {
      const router = nat()
      const [mine, theirs] = [INNER, OTHER].map((inner) => router.translateOut(0, inner, SERVER).port)
      expect(mine).to.equal(4_000)
      expect(router.translateIn(0, SERVER, mine!)).to.deep.equal(INNER)
      expect(router.translateIn(0, SERVER, theirs!)).to.deep.equal(OTHER)
      expect(router.translateIn(0, SERVER, 9)).to.equal(undefined)
    })
  })

  describe('ports (RFC 4787 section 4.2)', () => {
    it('are kept where they can be, and the next free one otherwise', () => {
      const router = nat({ ports: 'preserving' })
      expect([INNER, OTHER].map((inner) => router.translateOut(0, inner, SERVER).port)).to.deep.equal([4_000, 4_001])
    })

    it('count up, across the whole range', () => {
      const router = nat({ ports: 'sequential', mapping: 'address-and-port-dependent', timeout: 1 })
      const at = (i: number): number => router.translateOut(i, INNER, { host: '203.0.113.2', port: i }).port
      const given = Array.from({ length: 64_513 }, (_, i) => at(i))
      expect(given.slice(0, 3)).to.deep.equal([1_024, 1_025, 1_026])
      expect(given.at(-2)).to.equal(65_535)
      expect(given.at(-1)).to.equal(1_024)
    })

    it('are drawn, the same from the same seed and others from another', () => {
      const drawn = (seed: number): number[] => {
        const router = nat({ ports: 'random', mapping: 'address-and-port-dependent' }, seed)
        return [SERVER, PORT, ADDRESS, BOTH].map((to) => router.translateOut(0, INNER, to).port)
      }
      expect(drawn(1)).to.deep.equal(drawn(1))
      expect(drawn(1)).to.not.deep.equal(drawn(2))
      expect(drawn(3).every((port) => port >= 1_024 && port <= 65_535)).to.equal(true)
    })
  })

  describe('time (RFC 4787 section 4.3)', () => {
    it('ends a mapping when nothing refreshed it; the next packet makes another', () => {
      const router = nat({ ports: 'sequential', timeout: s(30) })
      const { port } = router.translateOut(0, INNER, SERVER)
      expect(router.translateOut(s(29), INNER, SERVER).port).to.equal(port)
      expect(router.translateIn(s(58), SERVER, port)).to.deep.equal(INNER)
      const later = s(58) + s(30)
      expect(router.translateIn(later, SERVER, port)).to.equal(undefined)
      expect(router.translateOut(later, INNER, SERVER).port).to.not.equal(port)
    })

    it('is refreshed from outside only where the router does that', () => {
      for (const isRefreshedFromOutside of [true, false]) {
        const router = nat({ timeout: s(30), isRefreshedFromOutside })
        const { port } = router.translateOut(0, INNER, SERVER)
        router.translateIn(s(20), SERVER, port)
        expect(router.translateIn(s(40), SERVER, port) !== undefined).to.equal(isRefreshedFromOutside)
      }
    })

    it('ends the leave of one remote while another keeps the mapping', () => {
      const router = nat({ timeout: s(30) })
      const { port } = router.translateOut(0, INNER, SERVER)
      router.translateOut(s(20), INNER, PORT)
      expect(router.translateIn(s(40), SERVER, port)).to.equal(undefined)
      expect(router.translateIn(s(40), PORT, port)).to.deep.equal(INNER)
    })

    it('forgets everything in a power cut', () => {
      const router = nat()
      const { port } = router.translateOut(0, INNER, SERVER)
      router.forget()
      expect(router.translateIn(0, SERVER, port)).to.equal(undefined)
    })
  })
})
