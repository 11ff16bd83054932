import { MsgError } from '../../errors.ts'
import type { Duration, Instant } from '../../time/instant.ts'
import { varintSize, type Writer } from '../../wire/writer.ts'
import { FrameType, streamOverhead, type Frame } from '../frames.ts'
import type { Carried } from '../recovery/loss-detector.ts'
import type { TransportParameters } from '../transport-parameters.ts'
import { PausedStreams } from './paused-streams.ts'
import { ReceiveStream } from './receive-stream.ts'
import { FlowWindow } from './flow-window.ts'
import { MIN_SEND_BUFFER, SendStream } from './send-stream.ts'
import { StreamEvents, type StreamEvent } from './stream-events.ts'

interface StreamState {
  readonly send: SendStream
  readonly receive: ReceiveStream
  /** Code of a RESET or STOP to send, once asked for. */
  resetCode?: number
  stopCode?: number
  isResetAcked?: boolean
}

/** Frames that concern streams. */
export type StreamFrame = Extract<
  Frame,
  { type: 'reset' | 'stop' | 'stream' | 'max-data' | 'max-stream-data' | 'max-streams' }
>

/**
 * All streams of a link: ids, scheduling by priority, flow control of the connection (RFC 9000 sections 2 to 4).
 *
 * Streams are bidirectional. Ids count up from 0; even ones are the initiator's, odd ones the responder's.
 */
export class StreamSet {
  readonly #streams = new Map<number, StreamState>()
  readonly #local: TransportParameters
  readonly #remote: TransportParameters
  readonly #parity: 0 | 1
  /** Streams with something to send, by priority, the lowest first; each served one goes to the back. */
  readonly #pending = new Map<number, Set<SendStream>>()
  readonly #control = new Map<string, Carried>()
  readonly #events = new StreamEvents()
  #opened = 0
  #peerOpened = 0
  #peerClosed = 0
  #streamLimit: number
  #peerStreamLimit: number
  #dataLimit: number
  #dataSent = 0
  readonly #window: FlowWindow
  #dataReceived = 0
  #dataConsumed = 0
  #sendCapacity = MIN_SEND_BUFFER
  readonly #paused = new PausedStreams()

  constructor(isInitiator: boolean, local: TransportParameters, remote: TransportParameters) {
    this.#parity = isInitiator ? 0 : 1
    this.#local = local
    this.#remote = remote
    this.#streamLimit = remote.initialMaxStreams
    this.#peerStreamLimit = local.initialMaxStreams
    this.#dataLimit = remote.initialMaxData
    this.#window = new FlowWindow(local.initialMaxData, MAX_WINDOW)
  }

  /** @param priority - lower goes first. @throws MSG_ERR_LIMIT when the peer allows no more streams yet. */
  open(priority: number): number {
    if (this.#opened >= this.#streamLimit)
      throw new MsgError('MSG_ERR_LIMIT', { detail: `${this.#opened} streams on one link` })
    const id = this.#opened++ * 2 + this.#parity
    this.#create(id, priority)
    return id
  }

  /** @returns bytes taken; 0 for a stream that is gone. */
  write(id: number, bytes: Uint8Array): number {
    const stream = this.#streams.get(id)
    if (stream === undefined) return 0
    const taken = stream.send.write(bytes)
    if (taken < bytes.byteLength) stream.send.wantsRoom = true
    this.#schedule(stream.send)
    return taken
  }

  finish(id: number): void {
    const stream = this.#streams.get(id)
    stream?.send.finish()
    if (stream) this.#schedule(stream.send)
  }

  /** Gives up sending on `id`; the peer learns `code`. */
  reset(id: number, code: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined || stream.resetCode !== undefined) return
    stream.resetCode = code
    stream.send.reset()
    this.#queue({ kind: 'reset', stream: id })
  }

  /** Asks the peer to give up sending on `id`. What waits is thrown away, and so is what still comes: no more `data` of it. */
  stop(now: Instant, id: number, code: number): void {
    this.#events.takeData(id)
    this.#paused.forget(id)
    const stream = this.#streams.get(id)
    if (stream === undefined || stream.stopCode !== undefined || stream.receive.isFinished) return
    stream.stopCode = code
    this.#queue({ kind: 'stop', stream: id })
    this.#receive(now, 0, id, stream, () => stream.receive.discard())
    this.#dropIfDone(id, stream)
  }

  /** @param priority - lower goes first. */
  setPriority(id: number, priority: number): void {
    const send = this.#streams.get(id)?.send
    if (send === undefined || send.priority === priority) return
    this.#pending.get(send.priority)?.delete(send)
    send.priority = priority
    this.#schedule(send)
  }

  /** No more `data` of `id` until `resume`; what comes is kept and moves no window, so that the peer stops in time. */
  pause(id: number): void {
    if (this.#paused.has(id)) return
    const untold = this.#events.takeData(id)
    // Nothing follows a reset, not even what came before it.
    if (this.#events.hasReset(id)) return
    const receive = this.#streams.get(id)?.receive
    const isOver = receive === undefined || receive.isFinished
    if (isOver && untold.length === 0) return
    receive?.hold()
    this.#paused.add(id, untold)
    this.#makeRoomBeside()
  }

  /** Hands on what was kept: what was already taken from the window at once, the rest in portions ({@link StreamSet.deliver}). */
  resume(now: Instant, id: number): void {
    if (!this.#paused.has(id)) return
    this.#events.push(...this.#paused.resume(now, id, this.#streams.get(id)?.receive.isHeld === true))
  }

  /** When {@link StreamSet.deliver} has work: at once, while something resumed waits. */
  get deliverAt(): Instant | undefined {
    return this.#paused.deliverAt
  }

  /** The next portion of what waits on resumed streams, which take turns. */
  deliver(now: Instant): void {
    const id = this.#paused.takeTurn()
    const stream = id === undefined ? undefined : this.#streams.get(id)
    if (id === undefined || stream === undefined) return
    // What waited says nothing of the path: no round trips, so the windows do not grow.
    this.#receive(now, 0, id, stream, () => {
      for (const run of stream.receive.release(PORTION))
        this.#events.push({ type: 'data', stream: id, ...run, isKept: true })
    })
    if (stream.receive.isHeld) this.#paused.wait(now, id)
    this.#dropIfDone(id, stream)
  }

  /** @throws MSG_ERR_PROTOCOL when the frame breaks a limit or a rule. */
  handleFrame(now: Instant, srtt: Duration, frame: StreamFrame): void {
    switch (frame.type) {
      case 'max-data':
        this.#dataLimit = Math.max(this.#dataLimit, frame.limit)
        for (const { send } of this.#streams.values()) this.#schedule(send)
        return
      case 'max-streams':
        this.#streamLimit = Math.max(this.#streamLimit, frame.limit)
        return
    }
    const stream = this.#find(frame.stream)
    if (stream === undefined) return
    switch (frame.type) {
      case 'stream':
        this.#receiveData(now, srtt, stream.receive, frame)
        break
      case 'reset':
        if (stream.receive.isFinished) break
        this.#receive(now, srtt, frame.stream, stream, () => stream.receive.reset(frame.finalSize))
        this.#paused.forget(frame.stream)
        this.#events.push({ type: 'reset', stream: frame.stream, code: frame.code })
        break
      case 'stop':
        if (stream.resetCode === undefined && !stream.send.isFinished)
          this.#events.push({ type: 'stop', stream: frame.stream, code: frame.code })
        this.reset(frame.stream, frame.code)
        break
      case 'max-stream-data':
        stream.send.onLimit(frame.limit)
        this.#schedule(stream.send)
    }
    this.#dropIfDone(frame.stream, stream)
  }

  /**
   * Follows the congestion window. What a stream keeps must be far more than what is in flight: a byte lost twice holds back everything
   * after it for three round trips, and the path must not run dry meanwhile.
   */
  onWindow(cwnd: number): void {
    const capacity = Math.min(MAX_SEND_BUFFER, Math.max(MIN_SEND_BUFFER, SEND_WINDOWS * cwnd))
    if (capacity === this.#sendCapacity) return
    this.#sendCapacity = capacity
    for (const { send } of this.#streams.values()) send.capacity = capacity
  }

  onAcked(carried: Carried): void {
    if (carried.kind !== 'stream' && carried.kind !== 'reset') return
    const stream = this.#streams.get(carried.stream)
    if (stream === undefined) return
    if (carried.kind === 'reset') stream.isResetAcked = true
    else if (stream.send.onAcked(carried.start, carried.end, carried.fin))
      this.#events.push({ type: 'writable', stream: carried.stream })
    this.#dropIfDone(carried.stream, stream)
  }

  onLost(carried: Carried): void {
    if (carried.kind === 'rekey' || carried.kind === 'probe') return
    if (carried.kind !== 'stream') return this.#queue(carried)
    const stream = this.#streams.get(carried.stream)
    stream?.send.onLost(carried.start, carried.end, carried.fin)
    if (stream) this.#schedule(stream.send)
  }

  get hasPending(): boolean {
    if (this.#control.size > 0) return true
    const credit = this.#dataLimit - this.#dataSent
    for (const streams of this.#pending.values()) for (const send of streams) if (send.hasPending(credit)) return true
    return false
  }

  /** Fills a packet; what went in is appended to `carried`. */
  writeFrames(writer: Writer, packet: Uint8Array, carried: Carried[]): void {
    for (const [key, control] of this.#control) {
      if (writer.remaining < CONTROL_FRAME_SIZE) return
      this.#control.delete(key)
      if (this.#writeControl(writer, control)) carried.push(control)
    }
    for (const [priority, streams] of this.#pending) {
      let turns = streams.size
      for (const send of streams) {
        if (writer.remaining < MIN_STREAM_ROOM) return
        if (turns-- === 0) break
        this.#writeStream(writer, packet, send, carried)
        const isAlone = streams.size === 1
        const hasMore = send.hasPending(this.#dataLimit - this.#dataSent)
        if (isAlone && hasMore) break
        // To the back: streams of one priority take turns.
        streams.delete(send)
        if (hasMore) streams.add(send)
      }
      if (streams.size === 0) this.#pending.delete(priority)
    }
  }

  pollEvent(): StreamEvent | undefined {
    return this.#events.poll()
  }

  #writeStream(writer: Writer, packet: Uint8Array, send: SendStream, carried: Carried[]): void {
    for (;;) {
      const overhead = streamOverhead(send.id, send.sentEnd, writer.remaining)
      const room = writer.remaining - overhead
      if (room < 1) return
      const range = send.take(room, this.#dataLimit - this.#dataSent)
      if (range === undefined) return
      const length = range.end - range.start
      this.#dataSent += range.fresh
      writer.varint(FrameType.stream | (range.fin ? 1 : 0))
      writer.varint(send.id)
      writer.varint(range.start)
      writer.varint(length)
      send.copy(range.start, range.end, packet, writer.offset)
      writer.skip(length)
      carried.push({ kind: 'stream', stream: send.id, start: range.start, end: range.end, fin: range.fin })
    }
  }

  #writeControl(writer: Writer, control: Carried): boolean {
    switch (control.kind) {
      case 'max-data':
        writer.varint(FrameType.maxData)
        writer.varint(this.#window.limit)
        return true
      case 'max-streams':
        writer.varint(FrameType.maxStreams)
        writer.varint(this.#peerStreamLimit)
        return true
      case 'stream':
      case 'rekey':
      case 'probe':
        return false
    }
    const stream = this.#streams.get(control.stream)
    if (stream === undefined) return false
    if (control.kind === 'max-stream-data') {
      writer.varint(FrameType.maxStreamData)
      writer.varint(control.stream)
      writer.varint(stream.receive.limit)
    } else {
      writer.varint(control.kind === 'reset' ? FrameType.reset : FrameType.stop)
      writer.varint(control.stream)
      writer.varint((control.kind === 'reset' ? stream.resetCode : stream.stopCode) ?? 0)
      if (control.kind === 'reset') writer.varint(stream.send.sentEnd)
    }
    return true
  }

  /** Runs `step` on a receiving half and accounts for what it used of the connection's window. */
  #receive(now: Instant, srtt: Duration, id: number, { receive }: StreamState, step: () => void): void {
    const { highest, delivered, windowSize } = receive
    step()
    this.#account(now, srtt, id, receive, highest, delivered, windowSize)
  }

  /** The same for a STREAM frame, of which there is one in nearly every packet. */
  #receiveData(now: Instant, srtt: Duration, receive: ReceiveStream, frame: Extract<Frame, { type: 'stream' }>): void {
    const { highest, delivered, windowSize } = receive
    const { stream, offset, data, fin: isLast } = frame
    for (const { bytes, fin } of receive.receive(offset, data, isLast))
      this.#events.push({ type: 'data', stream, bytes, fin })
    this.#account(now, srtt, stream, receive, highest, delivered, windowSize)
  }

  /** @param highest - and the following: as they were before. */
  #account(
    now: Instant,
    srtt: Duration,
    id: number,
    receive: ReceiveStream,
    highest: number,
    delivered: number,
    windowSize: number,
  ): void {
    this.#dataReceived += receive.highest - highest
    this.#dataConsumed += receive.delivered - delivered
    if (this.#dataReceived > this.#window.limit)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'the peer went past the connection window' })
    if (receive.updateLimit(now, srtt)) this.#queue({ kind: 'max-stream-data', stream: id })
    // Whatever grows may be paused, and must leave room beside it then.
    if (receive.windowSize > windowSize) this.#window.ensure(2 * receive.windowSize)
    if (this.#window.update(now, this.#dataConsumed, srtt)) this.#queue({ kind: 'max-data' })
  }

  /** What paused streams keep must not hold up the others: at most half of the connection's window, which moves on at half, as far as it may grow. */
  #makeRoomBeside(): void {
    let kept = 0
    for (const id of this.#paused.ids) kept += this.#streams.get(id)?.receive.windowSize ?? 0
    this.#window.ensure(2 * kept)
  }

  /** The stream a peer's frame names, opened if it is theirs and new; `undefined` when it is over. */
  #find(id: number): StreamState | undefined {
    const known = this.#streams.get(id)
    if (known) return known
    const index = Math.floor(id / 2)
    if (id % 2 === this.#parity) {
      if (index >= this.#opened) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a stream that was never opened' })
      return undefined
    }
    if (index < this.#peerOpened) return undefined
    if (index >= this.#peerStreamLimit) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'too many streams' })
    while (this.#peerOpened <= index) this.#create(this.#peerOpened++ * 2 + (id % 2), DEFAULT_PRIORITY)
    return this.#streams.get(id)
  }

  #create(id: number, priority: number): void {
    const send = new SendStream(id, priority, this.#remote.initialMaxStreamData)
    send.capacity = this.#sendCapacity
    this.#streams.set(id, {
      send,
      receive: new ReceiveStream(new FlowWindow(this.#local.initialMaxStreamData, MAX_WINDOW / 2)),
    })
  }

  #dropIfDone(id: number, { send, receive, resetCode, isResetAcked }: StreamState): void {
    if (!send.isFinished || !receive.isFinished || (resetCode !== undefined && !isResetAcked)) return
    this.#streams.delete(id)
    this.#pending.get(send.priority)?.delete(send)
    if (id % 2 === this.#parity) return
    this.#peerClosed++
    const limit = this.#peerClosed + this.#local.initialMaxStreams
    if (limit - this.#peerStreamLimit < this.#local.initialMaxStreams / 2) return
    this.#peerStreamLimit = limit
    this.#queue({ kind: 'max-streams' })
  }

  #schedule(send: SendStream): void {
    if (!send.hasPending(this.#dataLimit - this.#dataSent)) return
    const streams = this.#pending.get(send.priority)
    if (streams) {
      streams.add(send)
      return
    }
    this.#pending.set(send.priority, new Set([send]))
    if (this.#pending.size === 1) return
    const sorted = [...this.#pending].sort(([a], [b]) => a - b)
    this.#pending.clear()
    for (const [priority, each] of sorted) this.#pending.set(priority, each)
  }

  #queue(carried: Carried): void {
    this.#control.set('stream' in carried ? `${carried.kind} ${carried.stream}` : carried.kind, carried)
  }
}

/** Bytes of the connection that may wait for a gap to close: what a peer can make this side hold. */
const MAX_WINDOW = 32 * 1_048_576
/** Unacknowledged bytes a stream keeps at most. */
const MAX_SEND_BUFFER = 32 * 1_048_576
/** Bytes of a resumed stream handed on before everything else gets its turn. */
const PORTION = 262_144
/** Congestion windows that a stream keeps: one in flight, one ready to go, and one for each time in a row that a byte may be lost. */
const SEND_WINDOWS = 4
/** Priority of streams that the peer opened, until the owner of the link says otherwise. */
const DEFAULT_PRIORITY = 0
/** Bytes that any control frame fits into: a type and three varints. */
const CONTROL_FRAME_SIZE = 25
/** A stream frame that carries less than this is not worth its header. */
const MIN_STREAM_ROOM = 1 + varintSize(2 ** 30) * 2 + 16
