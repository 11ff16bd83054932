import { Fifo } from '../chat/fifo.ts'
import { conversationKey, type Conversation } from '../chat/conversation.ts'
import { MAX_TEXT, type ChatFrame } from '../chat/frames.ts'
import { Outbox, type OutboxEvent, type OutboxRow } from '../chat/outbox.ts'
import { ERRORS, MsgError } from '../errors.ts'
import type { Link } from '../transport/endpoint-api.ts'
import type { SentMessage } from './api.ts'
import { ChatLink } from './chat-link.ts'
import type { Emitter } from './emitter.ts'
import { Refusals } from './refusals.ts'
import { Inbox, type Admission } from './inbox.ts'
import { MessageIds } from './message-id.ts'
import type { Peer } from './peer.ts'
import type { HistoryEntry, SeenMark } from './profile/history.ts'
import type { ProfileState } from './profile/state.ts'

/** What a {@link Courier} is built with. */
export interface CourierDeps {
  readonly state: ProfileState
  readonly emitter: Emitter
  readonly self: { readonly user: string; readonly device: number }
  readonly admission: Admission
}

/**
 * Carries messages between the profile and the links.
 *
 * All that happens in one turn of the event loop is one transaction and one write per link, at the turn's end: what was sent is
 * durable before it is on a link, what was received is durable before it is acknowledged or shown.
 */
export class Courier {
  readonly #deps: CourierDeps
  readonly #links = new Map<string, ChatLink>()
  readonly #inbox: Inbox
  readonly #ids = new MessageIds()
  readonly #sends = new Fifo<PendingSend>()
  readonly #waiters = new Set<() => void>()
  #finished: OutboxRow[] = []
  #accepted = new Map<string, PendingSend>()
  #immediate: NodeJS.Immediate | undefined
  #isClosed = false
  readonly outbox = new Outbox()
  readonly #refusals = new Refusals({
    onRetry: (user, key) => {
      this.outbox.resend(user, key)
      this.schedule()
    },
    onWarning: (user) =>
      this.#deps.emitter.emit({
        type: 'warning',
        code: 'MSG_ERR_NOT_DELIVERED',
        message: `${user} does not take messages here yet: the conversation is not open there; tried again while it is open here`,
      }),
  })

  constructor(deps: CourierDeps) {
    this.#deps = deps
    this.#inbox = new Inbox(deps, () => this.schedule())
    this.adopt(deps.state.slots.held)
  }

  /** Takes over the outbox of slots and tells what their processes received and did not show. */
  adopt(slots: readonly number[]): void {
    const offset = performance.now() - Date.now()
    for (const row of this.#deps.state.outbox.load(slots, (at) => at + offset)) this.outbox.add(row)
    this.#inbox.tellUnseen(slots)
  }

  /**
   * Queues `text` for every recipient; resolves when that is durable. Waits while the recipients' links are the bottleneck.
   *
   * @throws MSG_ERR_MESSAGE_TOO_LONG, MSG_ERR_USAGE when empty, MSG_ERR_LIMIT when the outbox is full.
   */
  send(text: string, conversation: Conversation, recipients: readonly string[]): Promise<SentMessage> {
    const size = Buffer.byteLength(text)
    if (size > MAX_TEXT) return Promise.reject(new MsgError('MSG_ERR_MESSAGE_TOO_LONG', { detail: `${size} bytes` }))
    if (size === 0) return Promise.reject(new MsgError('MSG_ERR_USAGE', { detail: 'an empty message is not sent' }))
    if (this.#isClosed) return Promise.reject(new MsgError('MSG_ERR_NOT_CONNECTED'))
    return new Promise((resolve, reject) => {
      const at = Date.now()
      const id = this.#ids.next(at)
      const startedAt = performance.now()
      this.#sends.push({ id, text, size, at, startedAt, conversation, recipients, resolve, reject, isOnLink: false })
      this.schedule()
    })
  }

  /** A consumer of events took a message. */
  markSeen(mark: SeenMark): void {
    this.#deps.state.history.markSeen(mark)
    this.schedule()
  }

  /** Messages that nobody acknowledged. */
  get waiting(): number {
    return this.outbox.undelivered + this.#sends.length
  }

  /** Resolves when `isDone` after a turn, or when the time is over. */
  until(isDone: () => boolean, timeoutMs: number | undefined, signal?: AbortSignal): Promise<void> {
    if (isDone() || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const check = (): void => {
        if (isDone() || this.#isClosed) stop()
      }
      const stop = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
        this.#waiters.delete(check)
        resolve()
      }
      const timer = timeoutMs === undefined ? undefined : setTimeout(stop, timeoutMs)
      signal?.addEventListener('abort', stop, { once: true })
      this.#waiters.add(check)
      if (signal?.aborted) stop()
    })
  }

  handleOpen(link: Link, peer: Peer): void {
    this.handleClosed(peer.instance)
    this.#links.set(peer.instance, new ChatLink(link, peer))
    this.outbox.handleLinkUp(peer.instance)
    this.schedule()
  }

  handleData(link: Link, stream: number, bytes: Uint8Array): void {
    const chat = this.#links.get(link.peer.instance)
    if (chat?.link !== link) return
    try {
      chat.handleData(stream, bytes, (frame) => this.#handleFrame(chat, frame))
    } catch (error) {
      this.#breakOff(chat, error)
    }
    this.schedule()
  }

  handleWritable(link: Link): void {
    this.#links.get(link.peer.instance)?.handleWritable()
    this.schedule()
  }

  /** The link is gone: what it had in flight goes again on the next. */
  handleClosed(instance: string): void {
    if (!this.#links.delete(instance)) return
    this.outbox.handleLinkDown(instance)
    this.schedule()
  }

  /** A turn is due: called for whatever may let something go on. */
  schedule(): void {
    if (!this.#isClosed) this.#immediate ??= setImmediate(() => this.#turn())
  }

  /** Does at once what the end of this turn of the event loop would do: stores, acknowledges, and tells what happened. */
  settle(): void {
    if (this.#isClosed) return
    clearImmediate(this.#immediate)
    this.#turn()
  }

  /** Writes what is pending, then takes nothing any more. */
  close(): void {
    if (this.#isClosed) return
    this.settle()
    this.#isClosed = true
    clearImmediate(this.#immediate)
    this.#inbox.close()
    this.#refusals.close()
    for (let send = this.#sends.shift(); send; send = this.#sends.shift())
      send.reject(new MsgError('MSG_ERR_CANCELLED', { detail: 'the client was closed' }))
    for (const check of [...this.#waiters]) check()
  }

  #handleFrame(chat: ChatLink, frame: ChatFrame): void {
    if (frame.type === 'message') chat.receiver.handleMessage(frame.message, frame.size)
    else if (frame.type === 'ack') this.outbox.handleAck(chat.peer.instance, frame.count)
    else if (frame.type === 'refused') this.outbox.handleRefused(chat.peer.instance, frame.ordinal)
  }

  #breakOff(chat: ChatLink, error: unknown): void {
    const failure = MsgError.of(error)
    this.#links.delete(chat.peer.instance)
    this.outbox.handleLinkDown(chat.peer.instance)
    this.#deps.emitter.emit({
      type: 'warning',
      code: failure.code,
      message: `link to ${chat.peer.user}: ${failure.message}`,
    })
    chat.link.close(failure.spec.wire ?? ERRORS.MSG_ERR_INTERNAL.wire, 'chat')
  }

  #turn(): void {
    this.#immediate = undefined
    if (this.#isClosed) return
    const { state } = this.#deps
    this.#digest(this.outbox.pollEvents())
    const sends = this.#admitSends()
    const received = this.#inbox.gather(this.#links.values())
    const finished = this.#finished
    let rows: readonly number[] = []
    if (sends.length > 0 || received.length > 0 || finished.length > 0 || state.history.hasSeen) {
      try {
        state.commit(() => {
          rows = this.#store(sends)
          this.#inbox.store(received)
          state.outbox.remove(finished)
          state.history.storeSeen()
        })
        this.#finished = []
      } catch (error) {
        this.#fail(error, sends)
        return
      }
    }
    this.#inbox.acknowledge(received)
    for (const [i, send] of sends.entries()) this.#enqueue(send, rows[i]!)
    for (const chat of this.#links.values()) {
      const out = chat.out
      if (!out) continue
      const count = chat.receiver.pollAck()
      if (count !== undefined) out.ack(count)
      this.outbox.pollFrames(chat.peer.instance, out)
      chat.flush()
    }
    this.#digest(this.outbox.pollEvents())
    for (const send of sends)
      send.resolve({
        id: send.id,
        state: send.isOnLink ? 'sent' : 'queued',
        to: send.conversation,
        recipients: send.recipients,
      })
    this.#accepted.clear()
    if (this.#finished.length > 0 || (this.#sends.length > 0 && sends.length > 0)) this.schedule()
    for (const check of [...this.#waiters]) check()
  }

  /** Takes what the outbox has room for; the rest waits for acknowledgements, which bring the next turn. */
  #admitSends(): PendingSend[] {
    const sends: PendingSend[] = []
    for (let send = this.#sends.peek(); send && sends.length < MAX_TURN; send = this.#sends.peek()) {
      if (
        this.outbox.size + sends.length >= HIGH_WATER &&
        send.recipients.some((user) => this.outbox.isReachable(user))
      )
        break
      this.#sends.shift()
      if (this.outbox.size + sends.length < MAX_ROWS) sends.push(send)
      else send.reject(new MsgError('MSG_ERR_LIMIT', { detail: `${MAX_ROWS} messages wait in the outbox` }))
    }
    return sends
  }

  /** @returns the history's row of each. */
  #store(sends: readonly PendingSend[]): readonly number[] {
    if (sends.length === 0) return []
    const { state, self } = this.#deps
    const rows = state.history.addOwn(
      sends.map(({ id, conversation, at, text }): HistoryEntry => ({
        device: self.device,
        id,
        conversation: conversationKey(conversation),
        sender: self.user,
        own: 1,
        seq: 0,
        at,
        text,
      })),
    )
    state.outbox.add(sends.flatMap((send, i) => send.recipients.map((user) => this.#row(send, rows[i]!, user, false))))
    return rows
  }

  #enqueue(send: PendingSend, row: number): void {
    this.#accepted.set(send.id, send)
    for (const user of send.recipients) this.outbox.add(this.#row(send, row, user, false))
    if (this.outbox.isReachable(this.#deps.self.user)) this.outbox.add(this.#row(send, row, this.#deps.self.user, true))
  }

  #row(send: PendingSend, seq: number, recipient: string, isCopy: boolean): OutboxRow {
    const { id, conversation, at, text, size, startedAt } = send
    const message = { id, conversation, seq, at, text }
    return {
      message,
      key: conversationKey(conversation),
      recipient,
      size,
      isCopy,
      slot: this.#deps.state.slots.own,
      startedAt,
    }
  }

  #digest(events: readonly OutboxEvent[]): void {
    for (const { type, row } of events) {
      if (row.isCopy) continue
      const { id, conversation } = row.message
      const room = conversation.kind === 'room' ? conversation.room : null
      if (type === 'finished') this.#finished.push(row)
      else if (type === 'refused') this.#refusals.handleRefused(row.recipient, row.key)
      else if (type === 'delivered') {
        this.#refusals.handleDelivered(row.recipient, row.key)
        const latencyMs = Math.round((performance.now() - row.startedAt) * 1_000) / 1_000
        this.#deps.emitter.emit({ type: 'message.delivered', id, to: row.recipient, room, latencyMs })
      } else if (type === 'sent') {
        const send = this.#accepted.get(id)
        if (send) send.isOnLink = true
        this.#deps.emitter.emit({ type: 'message.sent', id, to: row.recipient, room })
      }
    }
  }

  /** The database failed: nothing was stored, so nothing is acknowledged; the links start over later. */
  #fail(error: unknown, sends: readonly PendingSend[]): void {
    const failure = MsgError.of(error)
    for (const send of sends) send.reject(failure)
    for (const chat of [...this.#links.values()]) this.#breakOff(chat, failure)
  }
}

interface PendingSend {
  readonly id: string
  readonly text: string
  readonly size: number
  readonly at: number
  readonly startedAt: number
  readonly conversation: Conversation
  readonly recipients: readonly string[]
  readonly resolve: (sent: SentMessage) => void
  readonly reject: (error: MsgError) => void
  isOnLink: boolean
}

/** Rows in memory at which senders to reachable users wait: some windows of a link. */
const HIGH_WATER = 16_384
/** Most rows of an outbox: at 64 bytes of text about 50 MB of memory. */
const MAX_ROWS = 100_000
/** Sends of one turn, so that a flood leaves room for what arrives. */
const MAX_TURN = 2_048
