import { expect } from 'chai'
import fc from 'fast-check'
import { StreamSet } from '../../src/core/transport/streams/stream-set.ts'
import { LOCAL_PARAMETERS } from '../../src/core/transport/transport-parameters.ts'
import { ms } from '../helpers/time.ts'

const SIZE = 60_000
const CONTENT = Uint8Array.from({ length: SIZE }, (_, i) => (i * 13 + (i >> 8)) & 0xff)
const STREAMS = [1, 3]
const NEXT = -1

const stream = fc.constantFrom(...STREAMS)
/** Mostly what comes next, as on a path that loses little. */
const offset = fc.oneof({ weight: 2, arbitrary: fc.constant(NEXT) }, fc.nat(SIZE))
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('arrive' as const), stream, offset, fc.nat(20_000)) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('pause', 'resume'), stream) },
  fc.tuple(fc.constantFrom('poll', 'deliver', 'drain')),
)

describe('fuzz: paused streams', () => {
  it('tell each byte once, in order, with the end, and nothing while they are paused', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const streams = new StreamSet(true, LOCAL_PARAMETERS, LOCAL_PARAMETERS)
        const paused = new Set<number>()
        const told = new Map(STREAMS.map((id) => [id, 0]))
        const ended = new Set<number>()
        const arrived = new Map(STREAMS.map((id) => [id, new Uint8Array(SIZE)]))
        const poll = (): boolean => {
          const event = streams.pollEvent()
          if (event?.type !== 'data') return false
          const at = told.get(event.stream)!
          expect(paused.has(event.stream), 'told while paused').to.equal(false)
          expect(ended.has(event.stream), 'told after the end').to.equal(false)
          expect(Buffer.compare(event.bytes, CONTENT.subarray(at, at + event.bytes.byteLength))).to.equal(0)
          told.set(event.stream, at + event.bytes.byteLength)
          if (event.fin) ended.add(event.stream)
          return true
        }
        const arrive = (id: number, at: number, length: number): void => {
          const hole = arrived.get(id)!.indexOf(0)
          const offset = at === NEXT ? (hole === -1 ? SIZE : hole) : at
          const end = Math.min(SIZE, offset + length)
          // As it comes from a socket: a buffer that others use again.
          const data = CONTENT.slice(offset, end)
          streams.handleFrame(0, ms(10), { type: 'stream', stream: id, offset, data, fin: end === SIZE })
          arrived.get(id)!.fill(1, offset, end)
        }
        for (const id of STREAMS) arrive(id, 0, 1)
        for (const [what, id, offset, length] of steps as ReadonlyArray<[string, number?, number?, number?]>) {
          if (what === 'poll') poll()
          else if (what === 'deliver') streams.deliver(0)
          else if (what === 'drain') while (poll());
          else if (what === 'arrive') arrive(id!, offset!, length!)
          else if (what === 'resume') {
            streams.resume(0, id!)
            paused.delete(id!)
          } else if (!ended.has(id!)) {
            streams.pause(id!)
            paused.add(id!)
          }
        }
        for (const id of STREAMS) streams.resume(0, id)
        paused.clear()
        do {
          streams.deliver(0)
          while (poll());
        } while (streams.deliverAt !== undefined)
        for (const id of STREAMS) {
          const hole = arrived.get(id)!.indexOf(0)
          expect(told.get(id)).to.equal(hole === -1 ? SIZE : hole)
          expect(ended.has(id)).to.equal(hole === -1)
        }
      }),
      { numRuns: 1_500 },
    )
  })
})
