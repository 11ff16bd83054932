import { conversationKey, type Conversation, type ConversationKey } from '../chat/conversation.ts'
import { MsgError } from '../errors.ts'
import { isSameName } from '../wire/names.ts'
import type { Client } from './api.ts'
import type { Courier } from './courier.ts'
import type { Rooms } from './rooms.ts'
import type { Sessions } from './sessions.ts'
import type { Uplink } from './uplink.ts'

/** What {@link Conversations} are built with. */
export interface ConversationsDeps {
  readonly uplink: Uplink
  readonly sessions: Sessions
  readonly rooms: Rooms
  /** Several stay open; else opening one leaves the previous. */
  readonly keepOpen: boolean
  readonly self: () => string | undefined
  readonly courier: () => Courier | undefined
}

/** The conversation that is spoken into, and what it takes to leave one for another. */
export class Conversations {
  readonly #deps: ConversationsDeps
  #current: Conversation | undefined

  constructor(deps: ConversationsDeps) {
    this.#deps = deps
  }

  get current(): Conversation | undefined {
    return this.#current
  }

  isCurrent(conversation: Conversation): boolean {
    return this.#current !== undefined && conversationKey(this.#current) === conversationKey(conversation)
  }

  /** A conversation opened without being asked for here: spoken into when there is no other. */
  handleOpened(conversation: Conversation): void {
    this.#current ??= conversation
  }

  handleClosed(conversation: Conversation): void {
    if (this.isCurrent(conversation)) this.#current = undefined
  }

  /** Speaks into `next` from now on, and leaves the previous one unless several are kept. */
  async switchTo(next: Conversation): Promise<void> {
    const previous = this.#current
    this.#current = next
    if (this.#deps.keepOpen || !previous || conversationKey(previous) === conversationKey(next)) return
    await this.settle(previous)
    if (this.has(previous)) await this.leave(previous)
  }

  /**
   * Opening another conversation leaves the present one: not without a warning when that closes it for others.
   *
   * @param next - the room that is entered, which may be the present one.
   * @throws MSG_ERR_OWNER_LEAVING
   */
  checkSwitch(next?: string): void {
    const current = this.#current
    if (this.#deps.keepOpen || current?.kind !== 'room' || (next !== undefined && isSameName(next, current.room)))
      return
    this.checkOwner(current)
  }

  /** @throws MSG_ERR_OWNER_LEAVING when leaving closes a room that others are in. */
  checkOwner(conversation: Conversation): void {
    const { rooms, self } = this.#deps
    if (conversation.kind !== 'room' || rooms.ownerOf(conversation.room) !== self()) return
    if (rooms.members(conversation.room).some((member) => member !== self()))
      throw new MsgError('MSG_ERR_OWNER_LEAVING', { detail: conversation.room })
  }

  /** Lets what was said last be acknowledged before the conversation goes. */
  async settle(conversation: Conversation): Promise<void> {
    const key = conversationKey(conversation)
    await this.#deps.courier()?.until(() => !this.isUnderWay(key), DRAIN_MS)
  }

  /** True when something waits for somebody who is there: it will be acknowledged soon. */
  isUnderWay(key?: ConversationKey): boolean {
    const { sessions, rooms } = this.#deps
    const waiting = this.#deps.courier()?.outbox.waitingThreads() ?? []
    return waiting.some((thread) => {
      if (key !== undefined && thread.key !== key) return false
      return thread.key.startsWith('r:')
        ? rooms.isPresent(thread.key.slice(2), thread.user)
        : sessions.isPresent(thread.user)
    })
  }

  /** @param to - who gets a room that is left by its owner. @returns true when a room was closed by that. */
  async leave(conversation: Conversation, to?: string): Promise<boolean> {
    const { uplink, sessions, rooms } = this.#deps
    if (conversation.kind === 'session') {
      const { user } = await uplink.request('session.close', { user: conversation.user })
      sessions.handleClosed({ user, reason: 'left' })
      return false
    }
    const params = { room: conversation.room, ...(to === undefined ? {} : { to }) }
    const { room, closed } = await uplink.request('room.leave', params)
    rooms.handleClosed({ room, reason: closed ? 'owner-left' : 'left' })
    return closed
  }

  /** An open conversation by its name as anybody may type it. @throws MSG_ERR_NO_CONVERSATION, MSG_ERR_SESSION_UNKNOWN, MSG_ERR_NOT_ROOM_MEMBER */
  find(conversation: Conversation | undefined): Conversation {
    if (!conversation) throw new MsgError('MSG_ERR_NO_CONVERSATION')
    const found = this.#find(conversation)
    if (found) return found
    if (conversation.kind === 'room') throw new MsgError('MSG_ERR_NOT_ROOM_MEMBER', { detail: conversation.room })
    throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: conversation.user })
  }

  /** True when the conversation is open. */
  has(conversation: Conversation): boolean {
    return this.#find(conversation) !== undefined
  }

  /** Everything that is open: sessions, then rooms. */
  list(): ReturnType<Client['conversations']> {
    const { sessions, rooms, self, courier } = this.#deps
    const entry = (conversation: Conversation, present: boolean): ReturnType<Client['conversations']>[number] => ({
      conversation,
      present,
      current: this.isCurrent(conversation),
      queued: courier()?.outbox.queued({ key: conversationKey(conversation) }) ?? 0,
    })
    return [
      ...sessions.list().map(({ user, present }) => entry({ kind: 'session', user }, present)),
      ...rooms.list().map((room) => entry({ kind: 'room', room }, rooms.isAnybodyPresent(room, self() ?? ''))),
    ]
  }

  #find(conversation: Conversation): Conversation | undefined {
    const { sessions, rooms } = this.#deps
    if (conversation.kind === 'room') {
      const room = rooms.list().find((name) => isSameName(name, conversation.room))
      return room === undefined ? undefined : { kind: 'room', room }
    }
    if (sessions.has(conversation.user)) return conversation
    const session = sessions.list().find(({ user }) => isSameName(user, conversation.user))
    return session && { kind: 'session', user: session.user }
  }
}

/** How long what was said last may take to be acknowledged before the conversation is left, milliseconds. */
const DRAIN_MS = 3_000
