import type { NotificationParams, Result } from '../control/methods.ts'
import type { ClientEvent } from './api.ts'

/** What {@link Rooms} tell their owner and need of it. */
export interface RoomsDeps {
  readonly emit: (event: ClientEvent) => void
  /** Messages of `room` may flow to and from `user`, or may not any more. */
  readonly onMember: (room: string, user: string) => void
  readonly onMemberLeft: (room: string, user: string) => void
  readonly onClosed: (room: string) => void
  /** Asks the server for everybody in the room. */
  readonly fetchMembers: (room: string) => Promise<Result<'room.members'>>
}

/** The rooms this user is in, with their members. */
export class Rooms {
  readonly #deps: RoomsDeps
  readonly #rooms = new Map<string, Room>()

  constructor(deps: RoomsDeps) {
    this.#deps = deps
  }

  has(room: string): boolean {
    return this.#rooms.has(room)
  }

  list(): string[] {
    return [...this.#rooms.keys()]
  }

  ownerOf(room: string): string | undefined {
    return this.#rooms.get(room)?.owner
  }

  isMember(room: string, user: string): boolean {
    return this.#rooms.get(room)?.members.has(user) ?? false
  }

  /** True when `user` is certainly not in the room: it is none of this user's, or its members are known and `user` is not among them. */
  isStranger(room: string, user: string): boolean {
    const members = this.#rooms.get(room)?.members
    return !members || (members.size > 0 && !members.has(user))
  }

  /** True when the member is there and not away. */
  isPresent(room: string, user: string): boolean {
    return this.#rooms.get(room)?.members.get(user) ?? false
  }

  members(room: string): string[] {
    return [...(this.#rooms.get(room)?.members.keys() ?? [])]
  }

  /** True when anybody but `self` is there. */
  isAnybodyPresent(room: string, self: string): boolean {
    return [...(this.#rooms.get(room)?.members ?? [])].some(([user, isPresent]) => isPresent && user !== self)
  }

  /** Resolves when the members of every room are known. */
  async settled(): Promise<void> {
    await Promise.all([...this.#rooms.values()].map(({ loading }) => loading))
  }

  handleEntered({ room, owner }: NotificationParams<'room.entered'>): void {
    const known = this.#rooms.get(room)
    const entered: Room = known ?? {
      owner,
      members: new Map(),
      isStale: false,
      loading: Promise.resolve(),
      changes: undefined,
    }
    this.#rooms.set(room, entered)
    entered.isStale = false
    if (!known) this.#deps.emit({ type: 'room.entered', room, owner })
    this.#setOwner(room, entered, owner)
    if (!entered.changes) entered.loading = this.#load(room, entered)
  }

  handleMember({ room, user, change }: NotificationParams<'room.member'>): void {
    const known = this.#rooms.get(room)
    if (!known) return
    known.changes?.set(user, change)
    const was = known.members.get(user)
    this.#apply(room, known, user, change)
    if (change === 'entered') {
      if (was === undefined) this.#deps.emit({ type: 'room.joined', room, user })
    } else if (was !== undefined || known.changes)
      this.#deps.emit({ type: `room.${change}`, room, user } as ClientEvent)
  }

  handleOwner({ room, owner }: NotificationParams<'room.owner'>): void {
    const known = this.#rooms.get(room)
    if (known) this.#setOwner(room, known, owner)
  }

  handleClosed({ room, reason }: NotificationParams<'room.closed'>): void {
    const known = this.#rooms.get(room)
    if (!this.#rooms.delete(room)) return
    for (const user of known?.members.keys() ?? []) this.#deps.onMemberLeft(room, user)
    this.#deps.onClosed(room)
    this.#deps.emit({ type: 'room.closed', room, reason })
  }

  handleDisconnected(): void {
    for (const room of this.#rooms.values()) room.isStale = true
  }

  /** The server has told every room this user is in: the rest closed while it could not be told. */
  dropStale(): void {
    for (const [room, { isStale }] of [...this.#rooms]) if (isStale) this.handleClosed({ room, reason: 'closed' })
  }

  #setOwner(room: string, known: Room, owner: string): void {
    if (known.owner === owner) return
    known.owner = owner
    this.#deps.emit({ type: 'room.owner', room, owner })
  }

  #apply(room: string, known: Room, user: string, change: Change): void {
    if (change === 'left') {
      if (known.members.delete(user)) this.#deps.onMemberLeft(room, user)
      return
    }
    const isNew = !known.members.has(user)
    known.members.set(user, change !== 'away')
    if (isNew) this.#deps.onMember(room, user)
  }

  /** Fetches the members; what changes meanwhile is newer than the answer. */
  async #load(room: string, known: Room): Promise<void> {
    const changes = (known.changes = new Map<string, Change>())
    try {
      const { members, owner } = await this.#deps.fetchMembers(room)
      if (this.#rooms.get(room) !== known) return
      this.#setOwner(room, known, owner)
      const there = new Map(members.map(({ user, present }) => [user, present]))
      for (const user of [...known.members.keys()])
        if (!there.has(user) && !changes.has(user)) this.#apply(room, known, user, 'left')
      for (const [user, present] of there)
        if (!changes.has(user)) this.#apply(room, known, user, present ? 'back' : 'away')
    } catch {
      // The connection went: entering again after it is back loads them.
    } finally {
      known.changes = undefined
    }
  }
}

type Change = NotificationParams<'room.member'>['change']

interface Room {
  owner: string
  /** Everybody in the room, this user too; false for those who are away. */
  readonly members: Map<string, boolean>
  isStale: boolean
  loading: Promise<void>
  /** What changed since the members were asked for; absent when they are known. */
  changes: Map<string, Change> | undefined
}
