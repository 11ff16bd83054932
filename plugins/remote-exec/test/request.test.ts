import { expect } from 'chai'
import fc from 'fast-check'
import { ReplayGuard, CLOCK_WINDOW_MS } from '../src/wire/replay-guard.ts'
import { decodeRequest, encodeRequest, MAX_ARGV, MAX_WORDS, type ExecRequest } from '../src/wire/request.ts'
import { memoryStore } from './lab.ts'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array))
const word = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !text.includes('\0'))
const party = fc.record({ user: fc.stringMatching(/^[a-zé_.-]{1,32}$/u), key })
const request: fc.Arbitrary<ExecRequest> = fc.record({
  nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((array) => Buffer.from(array)),
  at: fc.nat(2 ** 50),
  from: party,
  to: party,
  argv: fc
    .tuple(
      word.filter((text) => text !== ''),
      fc.array(word, { maxLength: 8 }),
    )
    .map(([first, rest]) => [first, ...rest]),
  cwd: word,
})
const sample = (more: Partial<ExecRequest> = {}): ExecRequest => ({
  nonce: Buffer.alloc(16, 1),
  at: 1_800_000_000_000,
  from: { user: 'alice', key: Buffer.alloc(32, 2) },
  to: { user: 'bob', key: Buffer.alloc(32, 3) },
  argv: ['ls', '-l'],
  cwd: '',
  ...more,
})

describe('a request', () => {
  it('is the same once it was written and read, and is written in one way only', () => {
    fc.assert(
      fc.property(request, (given) => {
        const bytes = encodeRequest(given)
        const back = decodeRequest(bytes)
        expect(back).to.deep.equal(given)
        expect(Buffer.from(encodeRequest(back)).equals(Buffer.from(bytes))).to.equal(true)
      }),
    )
  })

  it('that is changed anywhere is another request or none', () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, flip) => {
        const bytes = Buffer.from(encodeRequest(given))
        bytes[at % bytes.byteLength]! ^= flip
        try {
          const back = decodeRequest(bytes)
          expect(Buffer.from(encodeRequest(back)).equals(bytes)).to.equal(true)
          expect(back).to.not.deep.equal(given)
        } catch (error) {
          expect((error as { code?: string }).code).to.equal('MSG_ERR_PROTOCOL')
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('is refused with a protocol error when it is cut, longer, or noise', () => {
    const codes = new Set<string>()
    const given = Buffer.from(encodeRequest(sample()))
    const bad = [...given.keys()]
      .map((length) => given.subarray(0, length))
      .concat(Buffer.concat([given, Buffer.of(0)]))
    for (const bytes of bad)
      try {
        decodeRequest(bytes)
        codes.add('none')
      } catch (error) {
        codes.add((error as { code: string }).code)
      }
    expect([...codes]).to.deep.equal(['MSG_ERR_PROTOCOL'])
  })

  const unsayable: Array<[string, Partial<ExecRequest>]> = [
    ['no words', { argv: [] }],
    ['an empty command', { argv: [''] }],
    ['a NUL in a word', { argv: ['ls', 'a\0b'] }],
    ['half of a surrogate pair', { argv: ['ls', '\ud800'] }],
    ['too many words', { argv: Array<string>(MAX_WORDS + 1).fill('x') }],
    ['words that are too long', { argv: ['x'.repeat(MAX_ARGV)] }],
  ]
  for (const [what, more] of unsayable)
    it(`with ${what} is not made`, () => {
      expect(() => encodeRequest(sample(more)))
        .to.throw()
        .with.property('code', 'MSG_ERR_USAGE')
    })
})

describe('the guard against requests that were there before', () => {
  const nonce = (i: number): Buffer => Buffer.alloc(16).fill(`${i}`)
  const NOW = 1_800_000_000_000

  it('lets each through once, and both ways of a race only one', async () => {
    const guard = await ReplayGuard.open(memoryStore())
    expect(await Promise.all([1, 2].map(() => guard.admit(nonce(1), 'a', NOW, NOW)))).to.deep.equal([
      undefined,
      'replayed',
    ])
    expect(await guard.admit(nonce(1), 'b', NOW, NOW)).to.equal(undefined)
  })

  it('knows them after a restart', async () => {
    const store = memoryStore()
    await (await ReplayGuard.open(store)).admit(nonce(1), 'a', NOW, NOW)
    store.seen = JSON.parse(JSON.stringify(store.seen)) as typeof store.seen
    expect(await (await ReplayGuard.open(store)).admit(nonce(1), 'a', NOW, NOW + 1)).to.equal('replayed')
  })

  it('knows what another client of the same profile has seen', async () => {
    const store = memoryStore()
    const [one, other] = [await ReplayGuard.open(store), await ReplayGuard.open(store)]
    expect(await one.admit(nonce(1), 'a', NOW, NOW)).to.equal(undefined)
    expect(await other.admit(nonce(1), 'a', NOW, NOW)).to.equal('replayed')
    expect(await other.admit(nonce(2), 'a', NOW, NOW)).to.equal(undefined)
    expect(await one.admit(nonce(2), 'a', NOW, NOW)).to.equal('replayed')
  })

  it('takes a minute of difference between the clocks, and no more', async () => {
    const guard = await ReplayGuard.open(memoryStore())
    const apart = [-CLOCK_WINDOW_MS - 1, -CLOCK_WINDOW_MS, CLOCK_WINDOW_MS, CLOCK_WINDOW_MS + 1]
    const said = await Promise.all(apart.map((ms, i) => guard.admit(nonce(i), 'a', NOW + ms, NOW)))
    expect(said).to.deep.equal(['stale', undefined, undefined, 'stale'])
  })

  it('does not take what it has forgotten when its clock is set back, also after a restart', async () => {
    const store = memoryStore()
    const guard = await ReplayGuard.open(store)
    await guard.admit(nonce(1), 'a', NOW, NOW)
    await guard.admit(nonce(2), 'a', NOW + 130_000, NOW + 130_000)
    expect(guard.size).to.equal(1)
    expect(await guard.admit(nonce(1), 'a', NOW, NOW + 10)).to.equal('stale')
    expect(await (await ReplayGuard.open(store)).admit(nonce(1), 'a', NOW, NOW + 10)).to.equal('stale')
  })

  it('refuses one device that asks too often, and forgets nothing because of it', async () => {
    const guard = await ReplayGuard.open(memoryStore())
    const said = []
    for (let i = 0; i < 200; i++) said.push(await guard.admit(nonce(1000 + i), 'a', NOW, NOW))
    expect(said.indexOf('too-many')).to.equal(120)
    expect(await guard.admit(nonce(1000), 'a', NOW, NOW)).to.equal('replayed')
    expect(await guard.admit(nonce(1), 'b', NOW, NOW)).to.equal(undefined)
  })

  it('takes nothing when it cannot be kept', async () => {
    const store = { ...memoryStore(), save: () => Promise.reject(new Error('full')) }
    const guard = await ReplayGuard.open(store)
    const failed = await guard.admit(nonce(1), 'a', NOW, NOW).then(
      () => 'taken',
      (error: Error) => error.message,
    )
    expect(failed).to.equal('full')
  })
})
