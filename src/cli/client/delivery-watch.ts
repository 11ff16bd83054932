import type { ClientEvent, SentMessage } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import type { Palette } from '../render/palette.ts'
import { count } from '../render/time.ts'

/** What a {@link DeliveryWatch} is made of. */
export interface DeliveryWatchDeps {
  readonly say: (lines: readonly string[]) => void
  /** True when a link to this user is up. */
  readonly isLinked: (user: string) => boolean
  readonly palette: Palette
}

/**
 * Says of messages that are not delivered soon that they wait, and once they arrived that they did; quick ones are not mentioned.
 *
 * One line when somebody begins to keep messages waiting, and one for all that arrive together afterwards.
 */
export class DeliveryWatch {
  readonly #deps: DeliveryWatchDeps
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #waiting = new Map<string, Waiting>()
  /** Messages that wait and were said to, by user. */
  readonly #said = new Map<string, number>()
  readonly #arrived = new Map<string, { messages: number; latencyMs: number }>()

  constructor(deps: DeliveryWatchDeps) {
    this.#deps = deps
  }

  handleSent({ id, state, to, recipients }: SentMessage): void {
    if (state === 'delivered') return
    const room = to.kind === 'room' ? to.room : null
    for (const user of recipients) this.#waiting.set(keyOf(id, user), { user, room, isSaid: false })
    this.#later(PATIENCE_MS, () => this.#sayWaiting(recipients.map((user) => keyOf(id, user))))
  }

  handleEvent(event: ClientEvent): void {
    if (event.type === 'message.delivered') this.#handleDelivered(event)
    else if (event.type === 'room.left') this.#forget(({ room, user }) => room === event.room && user === event.user)
    else if (event.type === 'room.closed') this.#forget(({ room }) => room === event.room)
    else if (event.type === 'disconnected') this.#clear()
  }

  #handleDelivered({ id, to, latencyMs }: Extract<ClientEvent, { type: 'message.delivered' }>): void {
    const waiting = this.#take(keyOf(id, to))
    // What an earlier run of the program left waiting is not known here, but was late too.
    if (!(waiting?.isSaid ?? latencyMs >= PATIENCE_MS)) return
    const arrived = this.#arrived.get(to)
    if (arrived) {
      arrived.messages++
      arrived.latencyMs = Math.max(arrived.latencyMs, latencyMs)
      return
    }
    this.#arrived.set(to, { messages: 1, latencyMs })
    this.#later(TOGETHER_MS, () => this.#sayArrived(to))
  }

  #sayWaiting(keys: readonly string[]): void {
    const { say, isLinked, palette } = this.#deps
    const late = keys.flatMap((key) => this.#waiting.get(key) ?? [])
    const users = late.map(({ user }) => user).filter((user) => !this.#said.has(user))
    for (const waiting of late) {
      waiting.isSaid = true
      this.#said.set(waiting.user, (this.#said.get(waiting.user) ?? 0) + 1)
    }
    const names = (list: readonly string[]): string => listOf(list.map((user) => palette.name(visible(user))))
    const away = users.filter((user) => !isLinked(user))
    const slow = users.filter((user) => isLinked(user))
    const are = (list: readonly string[]): string => (list.length === 1 ? 'is' : 'are')
    if (away.length > 0) say([palette.dim(`Not delivered yet: waits until ${names(away)} ${are(away)} linked.`)])
    if (slow.length > 0) say([palette.dim(`Not delivered yet: no acknowledgement from ${names(slow)}.`)])
  }

  #sayArrived(user: string): void {
    const { say, palette } = this.#deps
    const { messages, latencyMs } = this.#arrived.get(user) ?? { messages: 0, latencyMs: 0 }
    this.#arrived.delete(user)
    const seconds = `${Math.round(latencyMs / 1000).toLocaleString('en')} s`
    const name = palette.name(visible(user))
    if (messages === 1) say([palette.dim(`Delivered to ${name} after ${seconds}.`)])
    else say([palette.dim(`Delivered to ${name}: ${count(messages, 'message')} after up to ${seconds}.`)])
  }

  #forget(isOver: (waiting: Waiting) => boolean): void {
    for (const [key, waiting] of this.#waiting) if (isOver(waiting)) this.#take(key)
  }

  #take(key: string): Waiting | undefined {
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    if (!waiting?.isSaid) return waiting
    const left = (this.#said.get(waiting.user) ?? 0) - 1
    if (left > 0) this.#said.set(waiting.user, left)
    else this.#said.delete(waiting.user)
    return waiting
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    timer.unref()
    this.#timers.add(timer)
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#waiting.clear()
    this.#said.clear()
    this.#arrived.clear()
  }
}

interface Waiting {
  readonly user: string
  readonly room: string | null
  isSaid: boolean
}

/** Names hold no blanks. */
function keyOf(id: string, user: string): string {
  return `${id} ${user}`
}

/** `bob`, `bob and eve`, `bob, eve and 3 others`. */
function listOf(names: readonly string[]): string {
  if (names.length < 2) return names.join('')
  if (names.length <= SHOWN_NAMES) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  return `${names.slice(0, SHOWN_NAMES - 1).join(', ')} and ${count(names.length - SHOWN_NAMES + 1, 'other')}`
}

/** Longer than any healthy link takes; then a person begins to wonder, milliseconds. */
const PATIENCE_MS = 2_000
/** Deliveries this close are told together, milliseconds. */
const TOGETHER_MS = 200
/** Names that fit on a line with the rest. */
const SHOWN_NAMES = 3
