import { expect } from 'chai'
import { type Frame } from '../../../../src/core/transport/frames.ts'
import { decodeFrames } from '../../../helpers/frames.ts'
import type { Carried } from '../../../../src/core/transport/recovery/loss-detector.ts'
import type { StreamEvent } from '../../../../src/core/transport/streams/stream-events.ts'
import { StreamSet, type StreamFrame } from '../../../../src/core/transport/streams/stream-set.ts'
import { LOCAL_PARAMETERS, type TransportParameters } from '../../../../src/core/transport/transport-parameters.ts'
import { Writer } from '../../../../src/core/wire/writer.ts'
import { expectCode } from '../../../helpers/errors.ts'
import { ms, s } from '../../../helpers/time.ts'

const PARAMETERS: TransportParameters = { ...LOCAL_PARAMETERS, initialMaxStreams: 4 }
const set = (local = PARAMETERS, remote = PARAMETERS): StreamSet => new StreamSet(true, local, remote)
/** A frame that comes at the start, on a path of 100 ms. */
const handle = (streams: StreamSet, frame: StreamFrame, now = 0): void => streams.handleFrame(now, ms(100), frame)
const zeros = (length: number): Uint8Array => new Uint8Array(length)

/** One packet of at most `size` bytes of frames, with what it carried. */
function packet(streams: StreamSet, size = 1_171): { frames: Frame[]; carried: Carried[] } {
  const bytes = new Uint8Array(size)
  const writer = new Writer(bytes)
  const carried: Carried[] = []
  streams.writeFrames(writer, bytes, carried)
  return { frames: [...decodeFrames(bytes.subarray(0, writer.offset))], carried }
}

/** Packets until there is nothing to send. */
function drain(streams: StreamSet): Array<{ frames: Frame[]; carried: Carried[] }> {
  const packets = []
  for (let i = 0; streams.hasPending; i++) {
    if (i === 10_000) throw new Error('it never ends')
    packets.push(packet(streams))
  }
  return packets
}

const events = (streams: StreamSet): StreamEvent[] => {
  const found: StreamEvent[] = []
  for (let event = streams.pollEvent(); event !== undefined; event = streams.pollEvent()) found.push(event)
  return found
}
const data = (stream: number, offset: number, length: number, fin = false): StreamFrame => ({
  type: 'stream',
  stream,
  offset,
  data: zeros(length),
  fin,
})
/** Writes and finishes both halves of a stream, to the last acknowledgement. */
function complete(streams: StreamSet, id: number): void {
  handle(streams, data(id, 0, 0, true))
  streams.finish(id)
  for (const { carried } of drain(streams)) for (const item of carried) streams.onAcked(item)
}

describe('transport/streams/stream-set', () => {
  describe('opening', () => {
    it('numbers streams by who opens them', () => {
      expect([0, 0, 0].map(() => set().open(0))).to.deep.equal([0, 0, 0])
      const streams = set()
      expect([streams.open(0), streams.open(0)]).to.deep.equal([0, 2])
      expect(new StreamSet(false, PARAMETERS, PARAMETERS).open(0)).to.equal(1)
    })

    it('opens no more than the peer allows, until it allows more', () => {
      const streams = set()
      for (let i = 0; i < 4; i++) streams.open(0)
      expectCode(() => streams.open(0), 'MSG_ERR_LIMIT')
      handle(streams, { type: 'max-streams', limit: 3 })
      expectCode(() => streams.open(0), 'MSG_ERR_LIMIT')
      handle(streams, { type: 'max-streams', limit: 5 })
      expect(streams.open(0)).to.equal(8)
    })

    it('takes a stream that the peer opened, and those before it', () => {
      const streams = set()
      handle(streams, data(5, 0, 1))
      expect(streams.write(1, zeros(1))).to.equal(1)
      expect(streams.write(3, zeros(1))).to.equal(1)
      expect(streams.write(7, zeros(1))).to.equal(0)
    })

    it('refuses a stream beyond the limit, and one of its own that was never opened', () => {
      expectCode(() => handle(set(), data(9, 0, 1)), 'MSG_ERR_PROTOCOL')
      expectCode(() => handle(set(), data(0, 0, 1)), 'MSG_ERR_PROTOCOL')
      expectCode(() => handle(set(), data(Number.MAX_SAFE_INTEGER, 0, 1)), 'MSG_ERR_PROTOCOL')
      handle(set(), data(7, 0, 1))
    })

    it('lets the peer open more when streams are over, half a limit at a time', () => {
      const streams = set()
      complete(streams, 1)
      expect(drain(streams)).to.deep.equal([])
      handle(streams, data(3, 0, 0, true))
      streams.finish(3)
      for (const { carried } of drain(streams)) for (const item of carried) streams.onAcked(item)
      expect(drain(streams).flatMap(({ frames }) => frames)).to.deep.equal([{ type: 'max-streams', limit: 6 }])
      handle(streams, data(11, 0, 1))
      expectCode(() => handle(streams, data(13, 0, 1)), 'MSG_ERR_PROTOCOL')
    })

    it('ignores frames for a stream that is over', () => {
      const streams = set()
      complete(streams, 1)
      events(streams)
      handle(streams, data(1, 0, 5))
      handle(streams, { type: 'reset', stream: 1, code: 1, finalSize: 99 })
      handle(streams, { type: 'stop', stream: 1, code: 1 })
      handle(streams, { type: 'max-stream-data', stream: 1, limit: 99 })
      expect(events(streams)).to.deep.equal([])
      expect(streams.hasPending).to.equal(false)
      expect(streams.write(1, zeros(1))).to.equal(0)
    })
  })

  describe('sending', () => {
    it('fills a packet with one stream, and goes on in the next', () => {
      const streams = set()
      const id = streams.open(0)
      streams.write(id, zeros(2_000))
      streams.finish(id)
      const packets = drain(streams)
      expect(packets).to.have.length(2)
      expect(packets[0]!.carried).to.deep.equal([{ kind: 'stream', stream: id, start: 0, end: 1_166, fin: false }])
      expect(packets[1]!.carried).to.deep.equal([{ kind: 'stream', stream: id, start: 1_166, end: 2_000, fin: true }])
    })

    it('puts several small streams into one packet', () => {
      const streams = set()
      for (let i = 0; i < 4; i++) streams.write(streams.open(0), zeros(10))
      expect(drain(streams)).to.have.length(1)
    })

    it('serves a lower priority number first, wherever it stood', () => {
      const streams = set()
      const [file, chat] = [streams.open(9), streams.open(1)]
      streams.write(file, zeros(5_000))
      packet(streams)
      streams.write(chat, zeros(10))
      expect(packet(streams).carried[0]).to.include({ stream: chat })
    })

    it('serves streams of one priority in turn', () => {
      const streams = set()
      const ids = [streams.open(0), streams.open(0), streams.open(0)]
      for (const id of ids) streams.write(id, zeros(5_000))
      const served = Array.from({ length: 6 }, () => packet(streams).carried[0])
      expect(served.map((carried) => carried?.kind === 'stream' && carried.stream)).to.deep.equal([...ids, ...ids])
    })

    it('tells a writer that was refused when there is room, once', () => {
      const streams = set(PARAMETERS, { ...PARAMETERS, initialMaxData: 2 ** 30, initialMaxStreamData: 2 ** 30 })
      const id = streams.open(0)
      expect(streams.write(id, zeros(5 * 1_048_576))).to.equal(1_048_576)
      for (const { carried } of drain(streams)) for (const item of carried) streams.onAcked(item)
      expect(events(streams)).to.deep.equal([{ type: 'writable', stream: id }])
    })

    it('keeps four congestion windows ready, from one to thirty-two mebibytes, on old streams and new', () => {
      const streams = set(PARAMETERS, { ...PARAMETERS, initialMaxData: 2 ** 30, initialMaxStreamData: 2 ** 30 })
      const old = streams.open(0)
      streams.onWindow(1_000_000)
      expect(streams.write(old, zeros(5_000_000))).to.equal(4_000_000)
      expect(streams.write(streams.open(0), zeros(5_000_000))).to.equal(4_000_000)
      streams.onWindow(1_000)
      expect(streams.write(streams.open(0), zeros(3_000_000))).to.equal(1_048_576)
      streams.onWindow(2 ** 40)
      expect(streams.write(streams.open(0), zeros(40 * 1_048_576))).to.equal(32 * 1_048_576)
    })

    it('does nothing for a stream that does not exist', () => {
      const streams = set()
      expect(streams.write(0, zeros(1))).to.equal(0)
      streams.finish(0)
      streams.reset(0, 1)
      streams.stop(0, 0, 1)
      streams.onAcked({ kind: 'stream', stream: 0, start: 0, end: 1, fin: false })
      streams.onLost({ kind: 'stream', stream: 0, start: 0, end: 1, fin: false })
      expect(streams.hasPending).to.equal(false)
    })
  })

  describe('flow control of the connection', () => {
    const small: TransportParameters = { ...PARAMETERS, initialMaxData: 100_000, initialMaxStreamData: 80_000 }

    it('sends no more than the peer allows in all, and goes on when it allows more', () => {
      const streams = set(PARAMETERS, small)
      const [a, b] = [streams.open(0), streams.open(0)]
      streams.write(a, zeros(90_000))
      streams.write(b, zeros(90_000))
      const sent = (): number =>
        drain(streams)
          .flatMap(({ carried }) => carried)
          .reduce((sum, item) => sum + (item.kind === 'stream' ? item.end - item.start : 0), 0)
      expect(sent()).to.equal(100_000)
      handle(streams, { type: 'max-data', limit: 90_000 })
      expect(streams.hasPending).to.equal(false)
      handle(streams, { type: 'max-data', limit: 130_000 })
      expect(sent()).to.equal(30_000)
      handle(streams, { type: 'max-data', limit: 1_000_000 })
      expect(sent()).to.equal(30_000)
      handle(streams, { type: 'max-stream-data', stream: a, limit: 85_000 })
      expect(sent()).to.equal(5_000)
    })

    it('sends lost bytes again without credit', () => {
      const streams = set(PARAMETERS, small)
      const [a, b] = [streams.open(0), streams.open(0)]
      streams.write(a, zeros(80_000))
      streams.write(b, zeros(80_000))
      const lost = drain(streams).flatMap(({ carried }) => carried)[30]!
      streams.onLost(lost)
      expect(drain(streams).flatMap(({ carried }) => carried)).to.deep.equal([lost])
      // What went twice counts once.
      handle(streams, { type: 'max-data', limit: 100_500 })
      const fresh = drain(streams).flatMap(({ carried }) => carried)
      expect(fresh.map((item) => item.kind === 'stream' && item.end - item.start)).to.deep.equal([500])
    })

    it('refuses more than it allowed in all', () => {
      const streams = set({ ...small, initialMaxStreams: 8 })
      handle(streams, data(1, 79_999, 1))
      handle(streams, data(3, 19_999, 1))
      expectCode(() => handle(streams, data(5, 0, 1)), 'MSG_ERR_PROTOCOL')
    })

    it('counts a repeated byte once, and the rest of a stream that is reset', () => {
      const streams = set(small)
      handle(streams, data(1, 0, 30_000))
      handle(streams, data(1, 0, 30_000))
      handle(streams, { type: 'reset', stream: 1, code: 0, finalSize: 60_000 })
      const limits = drain(streams).flatMap(({ frames }) => frames.filter(({ type }) => type === 'max-data'))
      expect(limits).to.deep.equal([{ type: 'max-data', limit: 160_000 }])
    })

    it('allows more when half of what it allowed was delivered', () => {
      const streams = set(small)
      handle(streams, data(1, 0, 49_999))
      expect(drain(streams).flatMap(({ frames }) => frames.map(({ type }) => type))).to.deep.equal(['max-stream-data'])
      handle(streams, data(1, 49_999, 1))
      expect(drain(streams).flatMap(({ frames }) => frames)).to.deep.equal([{ type: 'max-data', limit: 150_000 }])
    })

    it('allows no more for bytes that wait for others: they are memory, not progress', () => {
      const streams = set(small)
      handle(streams, data(1, 1, 59_999))
      expect(drain(streams)).to.deep.equal([])
      handle(streams, data(3, 1, 39_999))
      expectCode(() => handle(streams, data(5, 0, 1)), 'MSG_ERR_PROTOCOL')
    })

    it('allows more again once the missing byte came', () => {
      const streams = set(small)
      handle(streams, data(1, 1, 59_999))
      handle(streams, data(1, 0, 1))
      expect(drain(streams).flatMap(({ frames }) => frames)).to.deep.equal([
        { type: 'max-stream-data', stream: 1, limit: 140_000 },
        { type: 'max-data', limit: 160_000 },
      ])
    })

    it('repeats a limit that was lost, as it is by then', () => {
      const streams = set(small)
      handle(streams, data(1, 0, 60_000))
      const lost = drain(streams).flatMap(({ carried }) => carried)
      expect(lost.map(({ kind }) => kind)).to.deep.equal(['max-stream-data', 'max-data'])
      // Slowly enough for the windows to stay as they are.
      handle(streams, data(1, 60_000, 60_000), s(1))
      drain(streams)
      for (const item of lost) streams.onLost(item)
      expect(drain(streams).flatMap(({ frames }) => frames)).to.deep.equal([
        { type: 'max-stream-data', stream: 1, limit: 200_000 },
        { type: 'max-data', limit: 220_000 },
      ])
    })
  })

  describe('receiving', () => {
    it('tells data in order, and the end', () => {
      const streams = set()
      handle(streams, { type: 'stream', stream: 1, offset: 3, data: Buffer.from('def'), fin: true })
      expect(events(streams)).to.deep.equal([])
      handle(streams, { type: 'stream', stream: 1, offset: 0, data: Buffer.from('abc'), fin: false })
      const told = events(streams).map((event) => event.type === 'data' && `${Buffer.from(event.bytes)} ${event.fin}`)
      expect(told.join()).to.match(/^(abcdef true|abc false,def true)$/)
    })

    it('tells any number of events in their order', () => {
      const streams = set()
      for (let i = 0; i < 10_000; i++) {
        handle(streams, { type: 'stream', stream: 1, offset: i, data: Uint8Array.of(i & 0xff), fin: false })
        if (i % 3 === 0) expect(streams.pollEvent()).to.have.property('bytes')
      }
      const rest = events(streams)
      expect(rest).to.have.length(10_000 - Math.ceil(10_000 / 3))
      expect(rest.map((event) => event.type === 'data' && event.bytes[0])).to.deep.equal(
        Array.from({ length: rest.length }, (_, i) => (10_000 - rest.length + i) & 0xff),
      )
      expect(streams.pollEvent()).to.equal(undefined)
    })

    it('ends the link of a peer that cuts a stream into crumbs with holes between', () => {
      const streams = set()
      let taken = 0
      const error = expectCode(() => {
        for (let offset = 1; offset < 100_000; offset += 2) {
          handle(streams, data(1, offset, 1))
          taken++
        }
      }, 'MSG_ERR_LIMIT')
      expect(error.detail).to.contain('pieces')
      expect(taken).to.equal(4_096)
    })

    it('takes a whole window in which every second packet was lost', () => {
      const streams = set()
      for (let offset = 1_000; offset < PARAMETERS.initialMaxStreamData - 1_000; offset += 2_000) {
        handle(streams, data(1, offset, 1_000))
      }
      handle(streams, data(1, 0, 1_000))
      expect(events(streams)).to.not.deep.equal([])
    })
  })

  describe('priorities', () => {
    it('sends first what the owner says is urgent, on streams of either side', () => {
      const streams = set()
      handle(streams, data(1, 0, 1))
      const own = streams.open(5)
      streams.write(1, zeros(10))
      streams.write(own, zeros(10))
      streams.setPriority(1, 9)
      streams.setPriority(99, 1)
      const sent = (): unknown => packet(streams).frames.map((frame) => 'stream' in frame && frame.stream)
      expect(sent()).to.deep.equal([own, 1])
      streams.write(own, zeros(10))
      streams.write(1, zeros(10))
      streams.setPriority(1, 0)
      expect(sent()).to.deep.equal([1, own])
    })

    it('keeps the place of a stream whose priority changes while it waits for the window', () => {
      const streams = set(PARAMETERS, { ...PARAMETERS, initialMaxData: 65_536 })
      const id = streams.open(3)
      streams.write(id, zeros(70_000))
      drain(streams)
      streams.setPriority(id, 1)
      handle(streams, { type: 'max-data', limit: 70_000 })
      expect(drain(streams).flatMap(({ frames }) => frames)).to.have.length(4)
    })
  })

  describe('giving up', () => {
    it('resets with the size that was sent, and repeats it until it is acknowledged', () => {
      const streams = set()
      const id = streams.open(0)
      streams.write(id, zeros(3_000))
      packet(streams)
      streams.reset(id, 7)
      streams.reset(id, 8)
      const [{ frames, carried }] = drain(streams) as [ReturnType<typeof packet>]
      expect(frames).to.deep.equal([{ type: 'reset', stream: id, code: 7, finalSize: 1_166 }])
      streams.onLost(carried[0]!)
      expect(drain(streams)[0]!.frames).to.deep.equal(frames)
      expect(streams.write(id, zeros(1))).to.equal(0)
    })

    it('forgets a stream that was reset on one side and ended on the other, once that is acknowledged', () => {
      const streams = set()
      const id = streams.open(0)
      streams.reset(id, 7)
      handle(streams, { type: 'stream', stream: id, offset: 0, data: zeros(0), fin: true })
      const [{ carried }] = drain(streams) as [ReturnType<typeof packet>]
      streams.onAcked(carried[0]!)
      streams.onLost(carried[0]!)
      expect(streams.hasPending && packet(streams).frames).to.satisfy((frames: unknown) =>
        frames === false ? true : (frames as Frame[]).length === 0,
      )
    })

    it('tells a reset of the peer once, and delivers nothing after it', () => {
      const streams = set()
      handle(streams, data(1, 5, 5))
      handle(streams, { type: 'reset', stream: 1, code: 9, finalSize: 10 })
      handle(streams, { type: 'reset', stream: 1, code: 9, finalSize: 10 })
      handle(streams, data(1, 0, 5))
      expect(events(streams)).to.deep.equal([{ type: 'reset', stream: 1, code: 9 }])
    })

    it('does not tell a reset of a stream that had ended', () => {
      const streams = set()
      handle(streams, data(1, 0, 5, true))
      events(streams)
      handle(streams, { type: 'reset', stream: 1, code: 9, finalSize: 5 })
      expect(events(streams)).to.deep.equal([])
    })

    it('stops sending when the peer asks for it', () => {
      const streams = set()
      const id = streams.open(0)
      streams.write(id, zeros(10))
      handle(streams, { type: 'stop', stream: id, code: 4 })
      expect(drain(streams).flatMap(({ frames }) => frames)).to.deep.equal([
        { type: 'reset', stream: id, code: 4, finalSize: 0 },
      ])
    })

    it('says once that the peer asked to stop, and not of a stream that was given up anyway', () => {
      const streams = set()
      const [stopped, reset] = [streams.open(0), streams.open(0)]
      streams.reset(reset, 1)
      for (const stream of [stopped, stopped, reset]) handle(streams, { type: 'stop', stream, code: 4 })
      expect(events(streams)).to.deep.equal([{ type: 'stop', stream: stopped, code: 4 }])
      expect(streams.write(stopped, zeros(1))).to.equal(0)
    })

    it('tells nothing more of a stream that it asked the peer to stop, and gives its window back', () => {
      const streams = set({ ...PARAMETERS, initialMaxData: 100_000, initialMaxStreamData: 100_000 })
      handle(streams, data(1, 0, 10))
      handle(streams, data(1, 20, 59_980))
      streams.stop(0, 1, 6)
      expect(drain(streams).flatMap(({ frames }) => frames)).to.deep.equal([
        { type: 'stop', stream: 1, code: 6 },
        { type: 'max-data', limit: 160_000 },
      ])
      handle(streams, data(1, 60_000, 40_000))
      expect(events(streams)).to.deep.equal([])
      handle(streams, { type: 'reset', stream: 1, code: 6, finalSize: 100_000 })
      expect(events(streams)).to.deep.equal([{ type: 'reset', stream: 1, code: 6 }])
    })

    it('asks the peer to stop, once, and again when that was lost', () => {
      const streams = set()
      handle(streams, data(1, 0, 1))
      streams.stop(0, 1, 6)
      streams.stop(0, 1, 7)
      const [{ frames, carried }] = drain(streams) as [ReturnType<typeof packet>]
      expect(frames).to.deep.equal([{ type: 'stop', stream: 1, code: 6 }])
      streams.onLost(carried[0]!)
      expect(drain(streams)[0]!.frames).to.deep.equal(frames)
    })

    it('sends control frames before data, in as many packets as they need', () => {
      const streams = set({ ...PARAMETERS, initialMaxStreams: 256 })
      const id = streams.open(0)
      streams.write(id, zeros(10))
      for (let i = 0; i < 200; i++) {
        handle(streams, data(2 * i + 1, 0, 1))
        streams.stop(0, 2 * i + 1, 2 ** 40)
      }
      const packets = drain(streams)
      expect(packets.length).to.be.above(1)
      expect(packets.flatMap(({ frames }) => frames).filter(({ type }) => type === 'stop')).to.have.length(200)
      expect(packets.at(-1)!.frames.at(-1)!.type).to.equal('stream')
    })
  })
})
