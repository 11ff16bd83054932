import { expect } from 'chai'
import { type Frame } from '../../../../src/core/transport/frames.ts'
import { decodeFrames } from '../../../helpers/frames.ts'
import type { StreamEvent } from '../../../../src/core/transport/streams/stream-events.ts'
import { StreamSet } from '../../../../src/core/transport/streams/stream-set.ts'
import { LOCAL_PARAMETERS } from '../../../../src/core/transport/transport-parameters.ts'
import { Writer } from '../../../../src/core/wire/writer.ts'
import { ms } from '../../../helpers/time.ts'

const WINDOW = 1_000_000
const PARAMETERS = { ...LOCAL_PARAMETERS, initialMaxData: 2 * WINDOW, initialMaxStreamData: WINDOW }
const set = (): StreamSet => new StreamSet(true, PARAMETERS, PARAMETERS)

/** Bytes that say where in the stream they are. */
const bytesAt = (offset: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((offset + i) * 7 + ((offset + i) >> 8)) & 0xff)
const arrive = (streams: StreamSet, stream: number, offset: number, length: number, fin = false): Uint8Array => {
  const data = bytesAt(offset, length)
  streams.handleFrame(0, ms(100), { type: 'stream', stream, offset, data, fin })
  return data
}
const told = (streams: StreamSet): StreamEvent[] => {
  const found: StreamEvent[] = []
  for (let event = streams.pollEvent(); event; event = streams.pollEvent()) found.push(event)
  return found
}
/** Turns until nothing resumed waits. @returns what each turn told. */
const turns = (streams: StreamSet): StreamEvent[][] => {
  const found = [told(streams)]
  while (streams.deliverAt !== undefined) {
    streams.deliver(0)
    found.push(told(streams))
  }
  return found
}
const bytesOf = (events: readonly StreamEvent[]): Buffer =>
  Buffer.concat(events.flatMap((event) => (event.type === 'data' ? [event.bytes] : [])))
const endsOf = (events: readonly StreamEvent[]): boolean[] =>
  events.flatMap((event) => (event.type === 'data' ? [event.fin] : []))
const sent = (streams: StreamSet): Frame[] => {
  const bytes = new Uint8Array(1_171)
  const writer = new Writer(bytes)
  streams.writeFrames(writer, bytes, [])
  return [...decodeFrames(bytes.subarray(0, writer.offset))]
}

describe('transport/streams: a paused stream', () => {
  it('tells nothing until it is resumed, then everything in order, with the end', () => {
    const streams = set()
    arrive(streams, 1, 0, 10)
    expect(bytesOf(told(streams))).to.have.length(10)
    streams.pause(1)
    arrive(streams, 1, 20, 20_000, true)
    arrive(streams, 1, 10, 10)
    expect([told(streams), streams.deliverAt]).to.deep.equal([[], undefined])
    streams.resume(5, 1)
    expect(streams.deliverAt).to.equal(5)
    const events = turns(streams).flat()
    expect(bytesOf(events).equals(bytesAt(10, 20_010))).to.equal(true)
    expect(endsOf(events)).to.deep.equal([...Array(events.length - 1).fill(false), true])
    expect(streams.deliverAt).to.equal(undefined)
  })

  it('keeps what was on its way to the owner, in bytes of its own', () => {
    const streams = set()
    const packet = arrive(streams, 1, 0, 100)
    streams.pause(1)
    packet.fill(0)
    expect(told(streams)).to.deep.equal([])
    arrive(streams, 1, 100, 50)
    streams.resume(0, 1)
    expect(bytesOf(turns(streams).flat()).equals(bytesAt(0, 150))).to.equal(true)
  })

  it('moves neither its own window nor the connection’s until it is resumed', () => {
    const streams = set()
    arrive(streams, 1, 0, 1)
    told(streams)
    streams.pause(1)
    arrive(streams, 1, 1, WINDOW - 1)
    expect(streams.hasPending).to.equal(false)
    streams.resume(0, 1)
    turns(streams)
    const frames = sent(streams)
    expect(frames.map(({ type }) => type)).to.deep.equal(['max-stream-data', 'max-data'])
    expect(frames[0])
      .to.have.property('limit')
      .that.is.within(1.5 * WINDOW, 2 * WINDOW)
  })

  it('hands on in portions, so that others get their turn, and takes turns with others', () => {
    const streams = set()
    for (const stream of [1, 3]) {
      arrive(streams, stream, 0, 1)
      streams.pause(stream)
      arrive(streams, stream, 1, 599_999)
      streams.resume(0, stream)
    }
    const rounds = turns(streams).slice(1)
    expect(rounds.map((events) => bytesOf(events).byteLength <= 262_144)).to.not.include(false)
    expect(rounds.map(([event]) => event && 'stream' in event && event.stream)).to.deep.equal([1, 3, 1, 3, 1, 3])
  })

  it('tells what comes while the rest is handed on after that rest', () => {
    const streams = set()
    arrive(streams, 1, 0, 1)
    streams.pause(1)
    arrive(streams, 1, 1, 399_999)
    streams.resume(0, 1)
    const events = told(streams)
    streams.deliver(0)
    arrive(streams, 1, 400_000, 1_000)
    events.push(...turns(streams).flat())
    arrive(streams, 1, 401_000, 10, true)
    events.push(...told(streams))
    expect(bytesOf(events).equals(bytesAt(0, 401_010))).to.equal(true)
    expect(endsOf(events).at(-1)).to.equal(true)
  })

  it('can be paused again between any two pieces', () => {
    const streams = set()
    arrive(streams, 1, 0, 1)
    streams.pause(1)
    arrive(streams, 1, 1, 299_999, true)
    const pieces: StreamEvent[] = []
    for (let i = 0; i < 1_000 && !endsOf(pieces).includes(true); i++) {
      streams.resume(0, 1)
      let event = streams.pollEvent()
      if (event === undefined) {
        streams.deliver(0)
        event = streams.pollEvent()
      }
      streams.pause(1)
      expect(streams.pollEvent()).to.equal(undefined)
      pieces.push(event!)
    }
    expect(bytesOf(pieces).equals(bytesAt(0, 300_000))).to.equal(true)
  })

  it('learns of an end that comes without bytes, once it is resumed', () => {
    const streams = set()
    arrive(streams, 1, 0, 5)
    told(streams)
    streams.pause(1)
    arrive(streams, 1, 5, 0, true)
    expect(told(streams)).to.deep.equal([])
    streams.resume(0, 1)
    expect(endsOf(turns(streams).flat())).to.deep.equal([true])
  })

  it('is told of a reset at once, and of nothing else any more', () => {
    for (const isResumed of [false, true]) {
      const streams = set()
      arrive(streams, 1, 0, 5)
      streams.pause(1)
      arrive(streams, 1, 5, 5)
      if (isResumed) streams.resume(0, 1)
      told(streams)
      streams.handleFrame(0, 0, { type: 'reset', stream: 1, code: 3, finalSize: 10 })
      streams.pause(1)
      expect(told(streams)).to.deep.equal([{ type: 'reset', stream: 1, code: 3 }])
      streams.resume(0, 1)
      expect(turns(streams).flat()).to.deep.equal([])
    }
  })

  it('is forgotten when the owner wants no more of it, though everything had come', () => {
    const streams = new StreamSet(true, { ...PARAMETERS, initialMaxStreams: 1 }, PARAMETERS)
    arrive(streams, 1, 0, 5)
    streams.pause(1)
    arrive(streams, 1, 5, 5, true)
    streams.stop(0, 1, 3)
    streams.resume(0, 1)
    expect([turns(streams).flat(), streams.hasPending]).to.deep.equal([[], true])
    expect(sent(streams).map(({ type }) => type)).to.deep.equal(['stop'])
    streams.reset(1, 0)
    sent(streams)
    streams.onAcked({ kind: 'reset', stream: 1 })
    // Over on both sides: the peer may open another.
    expect(sent(streams)).to.deep.equal([{ type: 'max-streams', limit: 2 }])
  })

  it('keeps a stream that is over on the wire until the owner took the end', () => {
    const streams = set()
    arrive(streams, 1, 0, 5, true)
    streams.pause(1)
    streams.reset(1, 0)
    sent(streams)
    streams.onAcked({ kind: 'reset', stream: 1 })
    expect(told(streams)).to.deep.equal([])
    streams.resume(0, 1)
    const events = turns(streams).flat()
    expect([bytesOf(events).byteLength, endsOf(events)]).to.deep.equal([5, [true]])
  })

  it('changes nothing for streams that are unknown, over, or not paused', () => {
    const streams = set()
    arrive(streams, 1, 0, 5, true)
    told(streams)
    for (const stream of [1, 7, 99]) {
      streams.pause(stream)
      streams.resume(0, stream)
    }
    expect([turns(streams).flat(), streams.deliverAt]).to.deep.equal([[], undefined])
  })

  it('leaves room for others when several are paused and full, whether they were paused before or after', () => {
    const streams = set()
    let dataLimit = 2 * WINDOW
    const hear = (): void => {
      for (const frame of sent(streams)) if (frame.type === 'max-data') dataLimit = frame.limit
    }
    for (const stream of [1, 3, 5]) {
      arrive(streams, stream, 0, 1)
      streams.pause(stream)
      hear()
    }
    for (const stream of [1, 3, 5]) {
      arrive(streams, stream, 1, WINDOW - 1)
      hear()
    }
    let chat = 0
    for (let i = 0; i < 50; i++) {
      const room = dataLimit - 3 * WINDOW - chat
      expect(room, `after ${chat} bytes of chat`).to.be.above(0)
      const length = Math.min(200_000, room)
      arrive(streams, 7, chat, length)
      chat += length
      told(streams)
      hear()
    }
    expect(chat).to.be.above(5 * WINDOW)
  })

  it('leaves others half of the connection’s window, however far its own has grown', () => {
    // A long path: round trips of a second make every window grow as often as half of it is used.
    const streams = new StreamSet(true, PARAMETERS, PARAMETERS)
    let offset = 0
    let [streamLimit, dataLimit] = [WINDOW, 2 * WINDOW]
    for (let i = 0; i < 40; i++) {
      const length = Math.min(400_000, streamLimit - offset)
      const data = new Uint8Array(length)
      streams.handleFrame(ms(i), ms(1_000), { type: 'stream', stream: 1, offset, data, fin: false })
      offset += length
      told(streams)
      for (const frame of sent(streams)) {
        if (frame.type === 'max-stream-data') streamLimit = frame.limit
        if (frame.type === 'max-data') dataLimit = frame.limit
      }
      expect(dataLimit - offset, `after ${offset} bytes`).to.be.at.least((streamLimit - offset) * 1.2)
    }
    expect(streamLimit - offset).to.be.above(4 * WINDOW)
  })
})
