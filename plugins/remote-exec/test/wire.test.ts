import { expect } from 'chai'
import fc from 'fast-check'
import { CAUSES } from '../src/refusals.ts'
import { FrameDecoder } from '../src/wire/frame-decoder.ts'
import { encodeFrame, FRAMES, MAX_CHUNK, type Frame, type Role } from '../src/wire/frames.ts'

const bytes = (min: number, max: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((array) => Buffer.from(array))
const OF: Record<Role, fc.Arbitrary<Frame>> = {
  sender: fc.oneof(
    fc.record({ type: fc.constant('request' as const), signature: bytes(64, 64), bytes: bytes(1, 300) }),
    fc.record({ type: fc.constant('stdin' as const), bytes: bytes(1, 400) }),
    fc.constant({ type: 'stdin-end' as const }),
    fc.record({ type: fc.constant('signal' as const), number: fc.constantFrom(1, 2, 15) }),
  ),
  target: fc.oneof(
    fc.record({ type: fc.constant('accepted' as const), run: bytes(16, 16) }),
    fc.record({ type: fc.constant('refused' as const), code: fc.stringMatching(/^[a-z][a-z-]{0,31}$/) }),
    fc.constant({ type: 'asking' as const }),
    fc.record({ type: fc.constant('credit' as const), bytes: fc.nat(2 ** 32 - 1) }),
    fc.record({ type: fc.constantFrom('stdout' as const, 'stderr' as const), bytes: bytes(1, 400) }),
    fc.record({
      type: fc.constant('exit' as const),
      kind: fc.constant('code' as const),
      number: fc.nat(255),
      cause: fc.constantFrom(...CAUSES),
    }),
    fc.record({
      type: fc.constant('exit' as const),
      kind: fc.constant('signal' as const),
      number: fc.integer({ min: 1, max: 127 }),
      cause: fc.constantFrom(...CAUSES),
    }),
  ),
}

/** Cuts bytes where the numbers say. */
function pieces(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (whole.byteLength + 1)), whole.byteLength])].sort(
    (a, b) => a - b,
  )
  return at.slice(1).map((end, i) => whole.subarray(at[i], end))
}

describe('frames of remote-exec', () => {
  for (const role of ['sender', 'target'] as const)
    it(`are the same once they were sent by the ${role}, in whatever pieces they come`, () => {
      fc.assert(
        fc.property(
          fc.array(OF[role], { maxLength: 12 }),
          fc.array(fc.nat(10_000), { maxLength: 20 }),
          (frames, cuts) => {
            const decoder = new FrameDecoder(role)
            const whole = Buffer.concat(frames.map(encodeFrame))
            const back = pieces(whole, cuts).flatMap((piece) => decoder.handleBytes(piece))
            expect(back).to.deep.equal(frames)
            expect(decoder.isAtRest).to.equal(true)
          },
        ),
        { numRuns: 300 },
      )
    })

  it('are refused with a protocol error and nothing else, whatever comes', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      // Near the truth: one byte of proper frames is another.
      fc
        .tuple(fc.array(OF.sender, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(255))
        .map(([frames, at, value]) => {
          const whole = Buffer.concat(frames.map(encodeFrame))
          whole[at % whole.byteLength] = value
          return whole
        }),
    )
    fc.assert(
      fc.property(noise, fc.constantFrom<Role>('sender', 'target'), (given, role) => {
        const decoder = new FrameDecoder(role)
        try {
          decoder.handleBytes(given)
        } catch (error) {
          expect((error as { code?: string }).code).to.equal('MSG_ERR_PROTOCOL')
        }
        expect(decoder.buffered).to.be.at.most(FRAMES.request.max + 4)
      }),
      { numRuns: 2_000 },
    )
  })

  for (const [type, { byte, from, max }] of Object.entries(FRAMES)) {
    it(`of type ${type} are refused by their length alone, before anything is kept of them`, () => {
      const decoder = new FrameDecoder(from)
      const header = Buffer.of(byte, (max + 1) >> 16, (max + 1) >> 8, max + 1)
      expect(() => decoder.handleBytes(header)).to.throw(`frame of type ${type}`)
    })
    it(`of type ${type} are only the ${from}'s to send`, () => {
      const decoder = new FrameDecoder(from === 'sender' ? 'target' : 'sender')
      expect(() => decoder.handleBytes(Buffer.of(byte, 0, 0, 1))).to.throw('no frame of type')
    })
  }

  it('hold no more than they may when they are made', () => {
    expect(() => encodeFrame({ type: 'stdout', bytes: Buffer.alloc(MAX_CHUNK + 1) })).to.throw(RangeError)
    expect(() => encodeFrame({ type: 'stdin', bytes: Buffer.alloc(0) })).to.throw(RangeError)
  })
})
