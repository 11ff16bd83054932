import { expect } from 'chai'
import fc from 'fast-check'
import { MsgError } from '../../src/core/errors.ts'
import { encodeAck, type Frame } from '../../src/core/transport/frames.ts'
import { decodeFrames } from '../helpers/frames.ts'
import {
  DATA_OVERHEAD,
  datagramLength,
  decodeCookie,
  decodeInitial,
  decodeResponse,
  destinationOf,
  encodeInitial,
  INITIAL_LENGTH,
  readDataHeader,
  writeDataHeader,
} from '../../src/core/transport/packet.ts'
import { RangeSet } from '../../src/core/wire/range-set.ts'
import { DeliveryRate } from '../../src/core/transport/recovery/delivery-rate.ts'
import { LossDetector, type SentPacket } from '../../src/core/transport/recovery/loss-detector.ts'
import { RttEstimator } from '../../src/core/transport/recovery/rtt-estimator.ts'
import { ShardCollector } from '../../src/core/transport/shards.ts'
import { FlowWindow } from '../../src/core/transport/streams/flow-window.ts'
import { ReceiveStream } from '../../src/core/transport/streams/receive-stream.ts'
import { SendStream } from '../../src/core/transport/streams/send-stream.ts'
import {
  decodeParameters,
  encodeParameters,
  LOCAL_PARAMETERS,
  type TransportParameters,
} from '../../src/core/transport/transport-parameters.ts'
import { Reader } from '../../src/core/wire/reader.ts'
import { Writer } from '../../src/core/wire/writer.ts'
import { spell } from '../helpers/raw-peer.ts'
import { ms } from '../helpers/time.ts'

const RUNS = { numRuns: 2_000 }

/** The result, or undefined when a MsgError was thrown; anything else thrown fails the property. */
const guarded = <T>(act: () => T): T | undefined => {
  try {
    return act()
  } catch (error) {
    if (!MsgError.is(error)) throw error
    return undefined
  }
}

/** Integers of every encoded length, the boundaries more often than chance. */
const varint = fc.oneof(
  fc.nat(100),
  fc.constantFrom(0x3f, 0x40, 0x3fff, 0x4000, 0x3fff_ffff, 0x4000_0000, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
)
const octets = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size })

/** A frame of any type and the bytes that spell it. */
const frame: fc.Arbitrary<{ frame: Frame; bytes: Uint8Array }> = fc.oneof(
  fc.constant({ frame: { type: 'ping' as const }, bytes: spell.ping() }),
  fc.tuple(varint, varint, fc.uint8Array({ maxLength: 300 }), fc.boolean()).map(([stream, offset, data, fin]) => ({
    frame: { type: 'stream' as const, stream, offset, fin, data },
    bytes: spell.stream(stream, offset, data, fin),
  })),
  fc.tuple(varint, varint, varint).map(([stream, code, finalSize]) => ({
    frame: { type: 'reset' as const, stream, code, finalSize },
    bytes: spell.reset(stream, code, finalSize),
  })),
  fc.tuple(varint, varint).map(([stream, code]) => ({
    frame: { type: 'stop' as const, stream, code },
    bytes: spell.stop(stream, code),
  })),
  varint.map((limit) => ({ frame: { type: 'max-data' as const, limit }, bytes: spell.maxData(limit) })),
  varint.map((limit) => ({ frame: { type: 'max-streams' as const, limit }, bytes: spell.maxStreams(limit) })),
  fc.tuple(varint, varint).map(([stream, limit]) => ({
    frame: { type: 'max-stream-data' as const, stream, limit },
    bytes: spell.maxStreamData(stream, limit),
  })),
  fc.tuple(varint, fc.string({ maxLength: 100 })).map(([code, reason]) => ({
    frame: { type: 'close' as const, code, reason },
    bytes: spell.close(code, reason),
  })),
  octets(32).map((publicKey) => ({ frame: { type: 'rekey' as const, publicKey }, bytes: spell.rekey(publicKey) })),
)

describe('fuzz: transport codecs', () => {
  it('the reader throws nothing but MsgError and never reads past the end', () => {
    const step = fc.oneof(
      fc.constantFrom('u8', 'u16', 'varint', 'rest').map((read) => ({ read, length: 0 })),
      varint.map((length) => ({ read: 'bytes', length })),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(step, { maxLength: 20 }), (bytes, steps) => {
        const reader = new Reader(bytes)
        for (const { read, length } of steps) {
          const before = reader.remaining
          const value = guarded(() =>
            read === 'bytes' ? reader.bytes(length) : reader[read as 'u8' | 'u16' | 'varint' | 'rest'](),
          )
          expect(reader.remaining).to.be.within(0, before)
          if (typeof value === 'number') expect(Number.isSafeInteger(value) && value >= 0).to.equal(true)
          else if (value) expect(before - reader.remaining).to.equal(value.byteLength)
        }
      }),
      RUNS,
    )
  })

  it('integers survive the way through writer and reader', () => {
    fc.assert(
      fc.property(fc.array(varint, { maxLength: 20 }), (values) => {
        const bytes = new Uint8Array(160)
        const writer = new Writer(bytes)
        for (const value of values) writer.varint(value)
        const reader = new Reader(bytes.subarray(0, writer.offset))
        expect(values.map(() => reader.varint())).to.deep.equal(values)
        expect(reader.remaining).to.equal(0)
      }),
      RUNS,
    )
  })

  it('frames survive being spelt and read, in any order', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), (frames) => {
        const bytes = new Uint8Array(Buffer.concat(frames.map((item) => item.bytes)))
        expect([...decodeFrames(bytes)]).to.deep.equal(frames.map((item) => item.frame))
      }),
      RUNS,
    )
  })

  it('the frame decoder throws nothing but MsgError, on noise and on mutated frames', () => {
    const read = (bytes: Uint8Array): void => {
      guarded(() => {
        for (const item of decodeFrames(bytes)) {
          if (item.type !== 'ack') continue
          expect(item.ranges.length).to.be.within(1, 32)
          let above = Infinity
          expect(item.ranges[0]!.end).to.equal(item.largest + 1)
          for (const { start, end } of item.ranges) {
            expect(start >= 0 && start < end && end < above).to.equal(true)
            above = start
          }
        }
      })
    }
    const mutated = fc
      .tuple(
        fc.array(frame, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([frames, changes]) => {
        const bytes = new Uint8Array(Buffer.concat(frames.map((item) => item.bytes)))
        for (const [at, byte] of changes) bytes[at % bytes.byteLength] = byte
        return bytes
      })
    const acks = fc.array(varint, { maxLength: 70 }).map((values) => {
      const bytes = new Uint8Array(600)
      const writer = new Writer(bytes)
      writer.u8(2)
      for (const value of values) writer.varint(value)
      return bytes.subarray(0, writer.offset)
    })
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated, acks), read), { numRuns: 6_000 })
  })

  it('acknowledgements survive being spelt and read, whatever the ranges and the room', () => {
    const ranges = fc
      .tuple(
        fc.nat(2 ** 30),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 33 }), fc.integer({ min: 1, max: 2 ** 33 })), {
          minLength: 1,
          maxLength: 40,
        }),
      )
      .map(([first, steps]) => {
        let at = first
        return steps.map(([gap, length]) => {
          const start = at + gap
          at = start + length
          return { start, end: at }
        })
      })
    fc.assert(
      fc.property(ranges, varint, fc.integer({ min: 0, max: 700 }), (all, delay, room) => {
        const bytes = new Uint8Array(room)
        const writer = new Writer(bytes)
        if (!encodeAck(writer, all, delay)) return
        const [ack] = [...decodeFrames(bytes.subarray(0, writer.offset))]
        expect(ack?.type === 'ack' && ack.delay).to.equal(delay)
        const read = ack?.type === 'ack' ? ack.ranges : []
        expect(read).to.deep.equal(all.slice(-read.length).toReversed())
      }),
      RUNS,
    )
  })

  it('the packet decoders never throw, and take nothing that was changed for an initial', () => {
    const key = new Uint8Array(32).fill(1)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_300 }), (bytes) => {
        for (const decode of [decodeResponse, decodeCookie, destinationOf]) decode(bytes)
        for (let at = 0; at < bytes.byteLength; at++)
          expect(datagramLength(bytes, at)).to.be.within(1, bytes.byteLength - at)
        expect(decodeInitial(bytes, key)).to.equal(undefined)
        readDataHeader(bytes, -1)
      }),
      RUNS,
    )
    fc.assert(
      fc.property(
        octets(8),
        octets(16),
        fc.uint8Array({ maxLength: 1_100 }),
        fc.nat(INITIAL_LENGTH - 1),
        fc.integer({ min: 1, max: 255 }),
        (sourceId, cookie, noise, at, change) => {
          const packet = new Uint8Array(encodeInitial({ sourceId, cookie, noise }, key))
          const { version, ...decoded } = decodeInitial(packet, key)!
          expect(version).to.be.a('number')
          expect(decoded).to.deep.equal({ sourceId, cookie, noise })
          packet[at]! ^= change
          expect(decodeInitial(packet, key)).to.equal(undefined)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('a shard collector gives only whole packets, and throws nothing, whatever comes', () => {
    const shard = fc.oneof(
      fc.uint8Array({ maxLength: 1_500 }),
      fc
        .tuple(fc.nat(3), fc.nat(4), fc.nat(4), fc.constantFrom(1, 100, 1_440, 1_441))
        .map(([id, index, count, length]) => {
          const bytes = new Uint8Array(9 + length)
          bytes.set([0x50, bytes.byteLength >> 8, bytes.byteLength & 0xff, 0, 0, 0, id, index, count])
          return bytes
        }),
    )
    fc.assert(
      fc.property(fc.array(shard, { maxLength: 60 }), (shards) => {
        const collector = new ShardCollector()
        for (const bytes of shards) {
          const packet = collector.handle({ host: '192.0.2.1', port: 1 }, bytes)
          if (packet) expect(packet.byteLength).to.be.within(1, 65_527 + 1_440)
        }
      }),
      RUNS,
    )
  })

  it('packet numbers within half a window of the largest are found again', () => {
    const near = fc.tuple(fc.nat(2 ** 45), fc.integer({ min: -(2 ** 31) + 2, max: 2 ** 31 }))
    fc.assert(
      fc.property(near, fc.constantFrom<0 | 1>(0, 1), ([largest, distance], keyPhase) => {
        const packetNumber = Math.max(0, largest + distance)
        const packet = new Uint8Array(DATA_OVERHEAD + 1)
        writeDataHeader(packet, keyPhase, new Uint8Array(8), packetNumber)
        expect(readDataHeader(packet, largest)).to.deep.equal({ keyPhase, packetNumber })
      }),
      RUNS,
    )
  })

  it('the parameter decoder throws nothing but MsgError and gives nothing out of range', () => {
    const noise = fc.array(varint, { maxLength: 16 }).map((values) => {
      const bytes = new Uint8Array(160)
      const writer = new Writer(bytes)
      for (const value of values) writer.varint(value)
      return bytes.subarray(0, writer.offset)
    })
    const mutated = fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => {
      const bytes = Uint8Array.from(encodeParameters(LOCAL_PARAMETERS))
      bytes[at % bytes.byteLength] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), noise, mutated), (bytes) => {
        const parameters = guarded(() => decodeParameters(bytes))
        if (parameters === undefined) return
        expect(decodeParameters(encodeParameters(parameters))).to.deep.equal(parameters)
        expect(parameters.idleTimeout).to.be.within(1_000_000, 600_000_000)
        expect(parameters.maxDatagramSize).to.be.within(1_200, 65_527)
        expect(Object.keys(parameters).sort()).to.deep.equal(Object.keys(LOCAL_PARAMETERS).sort())
      }),
      RUNS,
    )
    const valid: fc.Arbitrary<TransportParameters> = fc.record({
      initialMaxData: fc.integer({ min: 65_536, max: 2 ** 40 }),
      initialMaxStreamData: fc.integer({ min: 65_536, max: 2 ** 40 }),
      initialMaxStreams: fc.integer({ min: 1, max: 2 ** 20 }),
      maxAckDelay: fc.nat(1_000_000),
      idleTimeout: fc.integer({ min: 1_000_000, max: 600_000_000 }),
      maxDatagramSize: fc.integer({ min: 1_200, max: 65_527 }),
      receiveBuffer: fc.nat(2 ** 40),
    })
    fc.assert(
      fc.property(valid, (parameters) => {
        expect(decodeParameters(encodeParameters(parameters))).to.deep.equal({ ...parameters })
      }),
      RUNS,
    )
  })
})

describe('fuzz: transport state against models', () => {
  it('a range set is a set of integers', () => {
    const span = fc.tuple(fc.nat(60), fc.nat(20)).map(([start, length]) => ({ start, end: start + length }))
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), range: span }),
      fc.record({ kind: fc.constant('add' as const), range: span }),
      fc.record({ kind: fc.constantFrom('remove' as const, 'drop' as const, 'take' as const), range: span }),
    )
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const set = new RangeSet()
        const model = new Set<number>()
        for (const { kind, range } of operations) {
          const members = Array.from({ length: range.end - range.start }, (_, i) => range.start + i)
          if (kind === 'add') {
            expect(set.add(range.start, range.end)).to.equal(members.filter((n) => !model.has(n)).length)
            for (const n of members) model.add(n)
          } else if (kind === 'remove') {
            set.remove(range.start, range.end)
            for (const n of members) model.delete(n)
          } else if (kind === 'drop') {
            set.dropBelow(range.start)
            for (const n of model) if (n < range.start) model.delete(n)
          } else {
            const taken = set.takeFirst(1 + range.start)
            const first = Math.min(...model)
            expect(taken?.start).to.equal(model.size === 0 ? undefined : first)
            for (let n = first; taken && n < taken.end; n++) expect(model.delete(n)).to.equal(true)
          }
          const flat = set.ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i))
          expect(flat).to.deep.equal([...model].sort((a, b) => a - b))
          for (let i = 1; i < set.ranges.length; i++) expect(set.ranges[i]!.start).to.be.above(set.ranges[i - 1]!.end)
          const wrong = Array.from({ length: 85 }, (_, n) => n).filter((n) => set.has(n) !== model.has(n))
          expect(wrong).to.deep.equal([])
          const touched = set.overlapping(range.start, range.end)
          expect(touched).to.deep.equal(set.ranges.filter(({ start, end }) => start < range.end && end > range.start))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('a stream delivers exactly what was written, under any loss, reordering and acknowledgement', () => {
    const step = fc.record({
      kind: fc.constantFrom('write', 'take', 'take', 'deliver', 'deliver', 'lose', 'ack', 'limit', 'again'),
      n: fc.nat(5_000),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const window = 8_000
        const send = new SendStream(0, 0, window)
        const receive = new ReceiveStream(new FlowWindow(window, window))
        const written: number[] = []
        const got: number[] = []
        let ends = 0
        let limit = window
        type InFlight = { start: number; end: number; fin: boolean; data: Uint8Array }
        const flights: InFlight[] = []
        const arrived: InFlight[] = []
        const deliver = (flight: InFlight): void => {
          for (const run of receive.receive(flight.start, flight.data, flight.fin)) {
            got.push(...run.bytes)
            if (run.fin) ends++
          }
          if (receive.updateLimit(0, 1)) limit = receive.limit
        }
        const take = (room: number): boolean => {
          const pending = send.hasPending(Infinity)
          const range = send.take(room, Infinity)
          expect(range !== undefined).to.equal(pending)
          if (range === undefined) return false
          const data = new Uint8Array(range.end - range.start)
          send.copy(range.start, range.end, data, 0)
          flights.push({ start: range.start, end: range.end, fin: range.fin, data })
          return true
        }
        const finish = (): void => {
          send.finish()
          for (let i = 0; !send.isFinished; i++) {
            if (i > 10_000) throw new Error('the stream never ends')
            send.onLimit(limit)
            while (take(1_000));
            const flight = flights.shift() ?? arrived.shift()!
            deliver(flight)
            send.onAcked(flight.start, flight.end, flight.fin)
          }
        }
        for (const { kind, n } of steps) {
          const pick = (from: InFlight[]): InFlight | undefined => from.splice(n % Math.max(1, from.length), 1)[0]
          if (kind === 'write') {
            const bytes = Uint8Array.from({ length: n }, (_, i) => (written.length + i * 7) & 0xff)
            written.push(...bytes.subarray(0, send.write(bytes)))
          } else if (kind === 'take') take(1 + (n % 1_500))
          else if (kind === 'limit') send.onLimit(limit)
          else if (kind === 'deliver') {
            const flight = pick(flights)
            if (!flight) continue
            deliver(flight)
            arrived.push(flight)
          } else if (kind === 'lose') {
            const flight = pick(flights)
            if (flight) send.onLost(flight.start, flight.end, flight.fin)
          } else if (kind === 'again') {
            const flight = arrived[n % Math.max(1, arrived.length)]
            if (flight) deliver(flight)
          } else {
            const flight = pick(arrived)
            if (flight) send.onAcked(flight.start, flight.end, flight.fin)
          }
          expect(got).to.deep.equal(written.slice(0, got.length))
        }
        finish()
        expect(Buffer.from(got).equals(Buffer.from(written))).to.equal(true)
        expect(ends).to.equal(1)
        expect(receive.isFinished).to.equal(true)
      }),
      { numRuns: 300 },
    )
  })

  it('a receiving half puts any cutting of the bytes in order, or ends the link', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    const piece = fc.tuple(fc.nat(300), fc.nat(60), fc.boolean())
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const half = new ReceiveStream(new FlowWindow(256, 256))
        const got: number[] = []
        let ends = 0
        guarded(() => {
          for (const [offset, length, isLast] of pieces) {
            const end = Math.min(offset + length, isLast ? 256 : 320)
            const data = new Uint8Array(Math.max(0, end - offset)).map((_, i) => bytes[offset + i] ?? 0)
            for (const run of half.receive(offset, data, isLast && end === 256)) {
              expect(ends).to.equal(0)
              got.push(...run.bytes)
              if (run.fin) ends++
            }
            expect(half.delivered).to.equal(got.length)
            expect(half.highest).to.be.within(half.delivered, half.limit)
          }
        })
        expect(got).to.deep.equal([...bytes.subarray(0, got.length)])
        if (ends > 0) expect(got).to.have.length(256)
      }),
      RUNS,
    )
  })

  it('the loss detector accounts for every packet exactly once', () => {
    const step = fc.record({
      kind: fc.constantFrom('send', 'send', 'send', 'skip', 'ack', 'wait', 'timeout'),
      n: fc.nat(1_000),
      mask: fc.nat(2 ** 16 - 1),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const rtt = new RttEstimator()
        const loss = new LossDetector(rtt)
        const stamp = new DeliveryRate().onSent(0, 0)
        const inFlight = new Map<number, SentPacket>()
        let next = 0
        let now = 0
        let largestAcked = -1
        /** Packets given up, with how far behind they were: the threshold grows past those that turn up. */
        const givenUp = new Map<number, number>()
        let threshold = 3
        const settle = (packets: readonly SentPacket[]): void => {
          for (const packet of packets)
            expect(inFlight.delete(packet.packetNumber), String(packet.packetNumber)).to.equal(true)
        }
        const checkLost = (lost: readonly SentPacket[]): void => {
          const delay = Math.max((9 / 8) * Math.max(rtt.latest, rtt.smoothed), ms(1))
          for (const { packetNumber, sentAt } of lost) {
            expect(packetNumber).to.be.below(largestAcked)
            expect(largestAcked - packetNumber >= threshold || sentAt + delay <= now).to.equal(true)
            givenUp.set(packetNumber, largestAcked - packetNumber)
          }
          settle(lost)
        }
        for (const { kind, n, mask } of steps) {
          if (kind === 'skip') next += n % 5
          else if (kind === 'wait') now += n * 100
          else if (kind === 'send') {
            const packet: SentPacket = {
              packetNumber: next++,
              sentAt: now,
              bytes: 1 + n,
              carried: [],
              appLimited: false,
              inFlight: loss.bytesInFlight + 1 + n,
              stamp,
            }
            loss.onSent(packet)
            inFlight.set(packet.packetNumber, packet)
          } else if (kind === 'timeout') {
            const at = loss.pollTimeout(ms(25))
            if (at === undefined) expect(inFlight.size).to.equal(0)
            now = Math.max(now, at ?? now)
            const { lost, probes } = loss.onTimeout(now, ms(25))
            checkLost(lost)
            if (probes > 0) expect(inFlight.size).to.be.above(0)
          } else if (next > 0) {
            const largest = n % next
            const numbers = Array.from({ length: 16 }, (_, i) => largest - i).filter(
              (packetNumber, i) => packetNumber >= 0 && (i === 0 || ((mask >> i) & 1) === 1),
            )
            const ranges = new RangeSet()
            for (const packetNumber of numbers) ranges.add(packetNumber, packetNumber + 1)
            const { acked, spurious, rttSample } = loss.onAck(now, largest, ranges.ranges.toReversed())
            const late = numbers.filter((packetNumber) => givenUp.has(packetNumber))
            expect(spurious).to.equal(late.length)
            for (const packetNumber of late) {
              threshold = Math.max(threshold, givenUp.get(packetNumber)! + 1)
              givenUp.delete(packetNumber)
            }
            expect(acked.map(({ packetNumber }) => packetNumber)).to.have.members(
              numbers.filter((packetNumber) => inFlight.has(packetNumber)),
            )
            expect(rttSample).to.equal(inFlight.has(largest) ? now - inFlight.get(largest)!.sentAt : undefined)
            settle(acked)
            largestAcked = Math.max(largestAcked, largest)
            if (rttSample !== undefined) rtt.update(rttSample, 0)
            const lost = loss.detectLost(now)
            checkLost(lost)
            loss.isPersistent(lost, ms(25))
            for (const { packetNumber } of inFlight.values()) expect(largestAcked - packetNumber).to.be.below(threshold)
          }
          expect(loss.bytesInFlight).to.equal([...inFlight.values()].reduce((sum, { bytes }) => sum + bytes, 0))
          expect(loss.oldest()).to.equal(undefined)
        }
      }),
      RUNS,
    )
  })
})
