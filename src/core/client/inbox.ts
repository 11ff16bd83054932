import { conversationKey } from '../chat/conversation.ts'
import type { ChatMessage } from '../chat/frames.ts'
import type { ChatLink } from './chat-link.ts'
import type { Emitter } from './emitter.ts'
import type { Peer } from './peer.ts'
import type { HistoryEntry, SeenMark } from './profile/history.ts'
import type { ProfileState } from './profile/state.ts'

/** True when a message from this connection belongs to a conversation that is open. */
export type Admission = (peer: Peer, message: ChatMessage) => boolean

/** What an {@link Inbox} is built with. */
export interface InboxDeps {
  readonly state: ProfileState
  readonly emitter: Emitter
  readonly self: { readonly user: string }
  readonly admission: Admission
}

/** A message of one turn: from its link to the history, then acknowledged, then told. */
export interface Received {
  readonly chat: ChatLink
  readonly message: ChatMessage
  readonly entry: HistoryEntry
  mark: SeenMark | undefined
}

/**
 * Takes messages off the links.
 *
 * A message for a conversation that is not open waits for a moment, since the server's word of it may be slower than the link, and
 * is refused then.
 */
export class Inbox {
  readonly #deps: InboxDeps
  readonly #onDue: () => void
  #timer: NodeJS.Timeout | undefined

  /** @param onDue - a held message is to be looked at again. */
  constructor(deps: InboxDeps, onDue: () => void) {
    this.#deps = deps
    this.#onDue = onDue
  }

  /** What can be stored now, in order per link; takes it from the receivers and writes refusals. */
  gather(links: Iterable<ChatLink>): Received[] {
    const received: Received[] = []
    for (const chat of links) {
      for (let message = chat.receiver.peek(); message; message = chat.receiver.peek()) {
        if (this.#deps.admission(chat.peer, message)) {
          received.push({ chat, message, entry: this.#entry(chat.peer, message), mark: undefined })
          chat.heldSince = undefined
          chat.receiver.take()
          continue
        }
        chat.heldSince ??= performance.now()
        if (!chat.out || performance.now() - chat.heldSince < HOLD_MS) {
          this.#timer ??= setTimeout(() => {
            this.#timer = undefined
            this.#onDue()
          }, HOLD_MS / 5).unref()
          break
        }
        chat.out.refused(chat.receiver.take())
      }
      if (chat.receiver.waiting === 0) chat.heldSince = undefined
    }
    return received
  }

  /** Inside the turn's transaction. */
  store(received: readonly Received[]): void {
    if (received.length === 0) return
    const marks = this.#deps.state.history.addReceived(received.map(({ entry }) => entry))
    for (const [i, one] of received.entries()) one.mark = marks[i]
  }

  /** After the transaction: tells what is new. */
  acknowledge(received: readonly Received[]): void {
    for (const { entry, mark } of received) if (mark) this.#tell(entry, mark)
  }

  /** Tells what processes of these slots received and did not show. */
  tellUnseen(slots: readonly number[]): void {
    for (const { entry, mark } of this.#deps.state.history.unseen(slots)) this.#tell(entry, mark)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #entry(peer: Peer, message: ChatMessage): HistoryEntry {
    const { conversation, id, seq, at, text } = message
    const key =
      conversation.kind === 'session' && !peer.isOwn ? (`s:${peer.user}` as const) : conversationKey(conversation)
    return { device: peer.device, id, conversation: key, sender: peer.user, own: peer.isOwn ? 2 : 0, seq, at, text }
  }

  #tell({ conversation, sender, text, id, at, own }: HistoryEntry, mark: SeenMark): void {
    const name = conversation.slice(2)
    const isRoom = conversation.startsWith('r:')
    this.#deps.emitter.emit(
      {
        type: 'message',
        from: sender,
        text,
        id,
        at: new Date(at).toISOString(),
        room: isRoom ? name : null,
        with: isRoom ? null : name,
        own: own !== 0,
      },
      mark,
    )
  }
}

/** How long the server's word of an opened conversation may lag behind a link, milliseconds. */
const HOLD_MS = 5_000
