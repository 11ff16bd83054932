import { MsgError } from '../errors.ts'
import type { Instant } from '../time/instant.ts'
import { canonicalName, displayName } from '../wire/names.ts'
import type { Introductions } from './introductions.ts'
import type { NotificationParams, Result } from './methods.ts'
import { event, tellUser, write, type Connection, type DirectoryState, type Room, type User } from './state.ts'
import { findAccount, keyOf, settle } from './users.ts'

/** Named conversations of many. A room always has an owner, who is a member. */
export class Rooms {
  readonly #state: DirectoryState
  readonly #introductions: Introductions

  constructor(state: DirectoryState, introductions: Introductions) {
    this.#state = state
    this.#introductions = introductions
  }

  /** @throws MSG_ERR_NAME_INVALID, MSG_ERR_ROOM_TAKEN, MSG_ERR_LIMIT */
  create(now: Instant, { user }: Connection, given: string): Result<'room.create'> {
    const key = canonicalName(given)
    const taken = this.#state.rooms.get(key)
    if (taken) throw new MsgError('MSG_ERR_ROOM_TAKEN', { detail: taken.name })
    this.#checkRoomsOf(user)
    const room: Room = { room: key, name: displayName(given), owner: user, members: new Set([user]) }
    this.#state.rooms.set(key, room)
    user.rooms.add(room)
    write(this.#state, { op: 'room.put', room: key, name: room.name, owner: user.user })
    write(this.#state, { op: 'member.put', room: key, user: user.user })
    event(this.#state, { type: 'room.created', room: room.name, owner: user.name })
    tellUser(this.#state, user, 'room.entered', { room: room.name, owner: user.name })
    settle(this.#state, user, now)
    return { room: room.name }
  }

  /** Entering again does nothing. @throws MSG_ERR_ROOM_UNKNOWN, MSG_ERR_LIMIT */
  enter(now: Instant, { user }: Connection, name: string): Result<'room.enter'> {
    const room = this.find(name)
    const answer = { room: room.name, owner: room.owner.name }
    if (room.members.has(user)) return answer
    this.#checkRoomsOf(user)
    if (room.members.size >= this.#state.limits.membersPerRoom) {
      throw new MsgError('MSG_ERR_LIMIT', {
        detail: `${room.name} has ${room.members.size} members, the most there may be`,
      })
    }
    this.#tellMembers(room, { user: user.name, change: 'entered' })
    room.members.add(user)
    user.rooms.add(room)
    write(this.#state, { op: 'member.put', room: room.room, user: user.user })
    event(this.#state, { type: 'room.joined', room: room.name, user: user.name })
    tellUser(this.#state, user, 'room.entered', answer)
    for (const member of room.members) if (member !== user) this.#introductions.join(user, member)
    settle(this.#state, user, now)
    return answer
  }

  /**
   * Leaves. The owner hands over to the member `to`, or closes the room by leaving.
   *
   * @throws MSG_ERR_ROOM_UNKNOWN, MSG_ERR_NOT_ROOM_MEMBER, MSG_ERR_NOT_ROOM_OWNER, MSG_ERR_USER_UNKNOWN when `to` is no other member.
   */
  leave(now: Instant, by: Connection, name: string, to?: string): Result<'room.leave'> {
    const room = this.find(name)
    const { user } = by
    if (!room.members.has(user)) throw new MsgError('MSG_ERR_NOT_ROOM_MEMBER', { detail: room.name })
    if (to !== undefined) this.#handOver(room, user, to)
    if (room.owner === user) {
      this.end(now, room, 'owner-left', by)
      return { room: room.name, closed: true }
    }
    tellUser(this.#state, user, 'room.closed', { room: room.name, reason: 'left' }, by)
    this.drop(now, room, user)
    return { room: room.name, closed: false }
  }

  /** @throws MSG_ERR_ROOM_UNKNOWN, MSG_ERR_NOT_ROOM_OWNER */
  close(now: Instant, by: Connection, name: string): Result<'room.close'> {
    const room = this.find(name)
    if (room.owner !== by.user) throw new MsgError('MSG_ERR_NOT_ROOM_OWNER', { detail: room.name })
    this.end(now, room, 'closed', by)
    return { room: room.name }
  }

  /** Takes a member who is not the owner out of a room, and tells the others. */
  drop(now: Instant, room: Room, user: User): void {
    room.members.delete(user)
    user.rooms.delete(room)
    write(this.#state, { op: 'member.delete', room: room.room, user: user.user })
    event(this.#state, { type: 'room.left', room: room.name, user: user.name })
    this.#tellMembers(room, { user: user.name, change: 'left' })
    for (const member of room.members) this.#introductions.part(user, member)
    settle(this.#state, user, now)
  }

  /** Ends a room for everybody; all but `except` are told. */
  end(now: Instant, room: Room, reason: NotificationParams<'room.closed'>['reason'], except?: Connection): void {
    this.#state.rooms.delete(room.room)
    write(this.#state, { op: 'room.delete', room: room.room })
    event(this.#state, { type: 'room.closed', room: room.name })
    const members = [...room.members]
    for (const member of members) {
      member.rooms.delete(room)
      tellUser(this.#state, member, 'room.closed', { room: room.name, reason }, except)
    }
    for (const [i, member] of members.entries()) {
      for (const other of members.slice(i + 1)) this.#introductions.part(member, other)
      settle(this.#state, member, now)
    }
  }

  /** A member vanished or came back: the others are told. */
  tellPresence(user: User, change: 'away' | 'back'): void {
    for (const room of user.rooms) this.#tellMembers(room, { user: user.name, change }, user)
  }

  /** @throws MSG_ERR_ROOM_UNKNOWN */
  find(name: string): Room {
    const room = this.#state.rooms.get(keyOf(name))
    if (!room) throw new MsgError('MSG_ERR_ROOM_UNKNOWN', { detail: name })
    return room
  }

  #handOver(room: Room, owner: User, to: string): void {
    if (room.owner !== owner) throw new MsgError('MSG_ERR_NOT_ROOM_OWNER', { detail: room.name })
    const { user: key, name } = findAccount(this.#state, to)
    const heir = this.#state.users.get(key)
    if (!heir || heir === owner || !room.members.has(heir)) {
      throw new MsgError('MSG_ERR_USER_UNKNOWN', { detail: `${name} among the other members of ${room.name}` })
    }
    room.owner = heir
    write(this.#state, { op: 'room.owner', room: room.room, from: owner.user, to: heir.user })
    for (const member of room.members)
      tellUser(this.#state, member, 'room.owner', { room: room.name, owner: heir.name })
  }

  #tellMembers(room: Room, news: Omit<NotificationParams<'room.member'>, 'room'>, except?: User): void {
    for (const member of room.members) {
      if (member !== except) tellUser(this.#state, member, 'room.member', { room: room.name, ...news })
    }
  }

  #checkRoomsOf(user: User): void {
    if (user.rooms.size < this.#state.limits.roomsPerUser) return
    throw new MsgError('MSG_ERR_LIMIT', { detail: `you are in ${user.rooms.size} rooms, the most there may be` })
  }
}
