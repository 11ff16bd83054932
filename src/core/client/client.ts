import type { Readable } from 'node:stream'
import { conversationOf, type Conversation } from '../chat/conversation.ts'
import { fingerprintOf, type DeviceKey } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import { formatAddress } from '../wire/address.ts'
import { canonicalName, displayName, isSameName } from '../wire/names.ts'
import type {
  Acquaintance,
  Client,
  ClientEvent,
  ClientOptions,
  HistoryMessage,
  HistoryQuery,
  PeerStatus,
  SentMessage,
} from './api.ts'
import { ClientCore } from './client-core.ts'
import type { Identity } from './identity.ts'
import type { ClientDeps } from './deps.ts'
import { listMembers, listRooms, listUsers } from './listings.ts'
import { readHistory } from './past.ts'
import { newDeviceKey } from './profile/profile.ts'
import type { ProfileState } from './profile/state.ts'
import type {
  ReceiveOptions,
  SendOptions,
  TransferContents,
  TransferPriority,
  TransferStatus,
} from '../transfers/api.ts'
import type { Transfers } from '../transfers/transfers.ts'
import { verifyDevices } from './verification.ts'

/** {@link Client} as `createClient` makes it: what users call, in terms of what the pieces do. */
export class MsgClient implements Client {
  readonly #core: ClientCore
  #isClosed = false

  constructor(options: ClientOptions, deps: ClientDeps) {
    this.#core = new ClientCore(options, deps)
  }

  /** Connects for the first time. @throws as `createClient` does. */
  async connect(): Promise<void> {
    await this.#core.connect()
  }

  get server(): Client['server'] {
    const { fingerprint, isFirstUse } = this.#core.trust
    return {
      name: this.#core.uplink.serverName,
      address: formatAddress(this.#core.address),
      fingerprint,
      firstUse: isFirstUse,
    }
  }

  get user(): string | undefined {
    return this.#core.identity?.user
  }

  get virtualAddress(): string | undefined {
    return this.#core.identity?.virtualAddress
  }

  get connected(): boolean {
    return this.#core.uplink.channel !== undefined
  }

  get conversation(): Conversation | undefined {
    return this.#core.conversations.current
  }

  get requests(): readonly string[] {
    return this.#core.sessions.requests
  }

  get status(): 'active' | 'inactive' {
    return this.#core.status
  }

  async register(user: string, password: string): Promise<{ user: string; virtualAddress: string }> {
    return this.#sign(displayName(user), newDeviceKey(), { password, isNew: true })
  }

  async login(user: string, password?: string): Promise<{ user: string; virtualAddress: string }> {
    const name = displayName(user)
    const kept = this.#core.trust.profiles.deviceKey(name)
    if (!kept && password === undefined)
      throw new MsgError('MSG_ERR_PROFILE_UNKNOWN', { detail: `${name} at ${formatAddress(this.#core.address)}` })
    return this.#sign(name, kept ?? newDeviceKey(), { password, isNew: false })
  }

  async users({ connected = false }: { connected?: boolean } = {}): ReturnType<Client['users']> {
    return listUsers(this.#core.uplink, connected)
  }

  async rooms(): ReturnType<Client['rooms']> {
    return listRooms(this.#core.uplink)
  }

  async members(room = this.#currentRoom()): ReturnType<Client['members']> {
    return listMembers(this.#core.uplink, room)
  }

  async setStatus(status: 'active' | 'inactive'): Promise<void> {
    this.#signedIn()
    await this.#core.setStatus(status)
  }

  async open(user: string, { signal }: { signal?: AbortSignal } = {}): Promise<{ user: string; present: boolean }> {
    this.#signedIn()
    this.#core.conversations.checkSwitch()
    if (signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: `asking ${user}` })
    const known = this.#core.sessions.list().find((session) => isSameName(session.user, user))
    if (known) {
      // Nobody needs to be asked, nor the server: it may be away.
      await this.#core.conversations.switchTo({ kind: 'session', user: known.user })
      return known
    }
    const { user: name, state } = await this.#core.uplink.request('session.open', { user })
    if (state === 'open' && !this.#core.sessions.has(name))
      this.#core.sessions.handleOpened({ user: name, present: true })
    const answer = await this.#core.answer(name, signal)
    await this.#core.conversations.switchTo({ kind: 'session', user: name })
    return answer
  }

  async accept(user: string, { always = false }: { always?: boolean } = {}): Promise<{ user: string }> {
    this.#signedIn()
    const name = await this.#core.accept(user)
    const state = this.#core.account?.state
    if (always) state?.read(() => state.devices.addContact(canonicalName(name), Date.now()))
    return { user: name }
  }

  async decline(
    user: string,
    { reason = 'declined' }: { reason?: 'declined' | 'busy' } = {},
  ): Promise<{ user: string }> {
    this.#signedIn()
    return { user: await this.#core.decline(user, reason) }
  }

  async createRoom(room: string): Promise<{ room: string }> {
    const { user } = this.#signedIn()
    this.#core.conversations.checkSwitch()
    const { room: name } = await this.#core.uplink.request('room.create', { room })
    this.#core.rooms.handleEntered({ room: name, owner: user })
    await this.#core.rooms.settled()
    await this.#core.conversations.switchTo({ kind: 'room', room: name })
    return { room: name }
  }

  async enterRoom(room: string): Promise<{ room: string; owner: string }> {
    this.#signedIn()
    this.#core.conversations.checkSwitch(room)
    const { room: name, owner } = await this.#core.uplink.request('room.enter', { room })
    this.#core.rooms.handleEntered({ room: name, owner })
    await this.#core.rooms.settled()
    await this.#core.conversations.switchTo({ kind: 'room', room: name })
    return { room: name, owner }
  }

  async closeRoom(room = this.#currentRoom()): Promise<{ room: string }> {
    this.#signedIn()
    await this.#core.conversations.settle({ kind: 'room', room })
    const closed = await this.#core.uplink.request('room.close', { room })
    this.#core.rooms.handleClosed({ room: closed.room, reason: 'closed' })
    return closed
  }

  async leave(
    options: { conversation?: Conversation; to?: string; force?: boolean } = {},
  ): Promise<{ left: Conversation; closed: boolean }> {
    this.#signedIn()
    const { to, force = false } = options
    const left = this.#core.conversations.find(options.conversation ?? this.conversation)
    if (to === undefined && !force) this.#core.conversations.checkOwner(left)
    await this.#core.conversations.settle(left)
    return { left, closed: await this.#core.conversations.leave(left, to) }
  }

  async send(said: string, { to }: { to?: Conversation } = {}): Promise<SentMessage> {
    const { user } = this.#signedIn()
    const courier = this.#core.account?.courier
    if (!courier) throw new MsgError('MSG_ERR_USAGE', { detail: 'a client with listening: false sends no messages' })
    const conversation = to ?? this.conversation
    if (!conversation) throw new MsgError('MSG_ERR_NO_CONVERSATION')
    const text = await this.#core.extensions.plugins.outgoing(said, conversation)
    if (conversation.kind === 'room' || this.#core.conversations.has(conversation)) {
      const open = this.#core.conversations.find(conversation)
      const members = open.kind === 'session' ? [open.user] : this.#core.rooms.members(open.room)
      return courier.send(
        text,
        open,
        members.filter((member) => member !== user),
      )
    }
    const name = await this.#resolve(conversation.user)
    if (isSameName(name, user)) throw new MsgError('MSG_ERR_SELF')
    const sent = await courier.send(text, { kind: 'session', user: name }, [name])
    void this.#core.outreach?.seek(name)
    return sent
  }

  async flush({ timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<{ waiting: number }> {
    const courier = this.#core.account?.courier
    await courier?.until(() => courier.waiting === 0, timeoutMs, signal)
    return { waiting: courier?.waiting ?? 0 }
  }

  async history(query: HistoryQuery = {}): Promise<HistoryMessage[]> {
    return readHistory(this.#profile(), query)
  }

  pastConversations(): Conversation[] {
    const state = this.#profile()
    return state.read(() => state.history.conversations()).map(conversationOf)
  }

  async sendFiles(
    to: string | { readonly room: string },
    paths: readonly string[],
    options: SendOptions = {},
  ): Promise<TransferStatus> {
    const target = typeof to === 'string' ? { user: await this.#receiver(to) } : { room: this.#roomOf(to.room) }
    return this.#transfers().offer(target, paths, options)
  }

  async sendStream(
    to: string,
    stream: Readable,
    options: SendOptions & { readonly name: string },
  ): Promise<TransferStatus> {
    const user = await this.#receiver(to)
    return this.#transfers().offerStream(user, stream, options)
  }

  transfers(): TransferStatus[] {
    return this.#core.transfers?.list() ?? []
  }

  async transferContents(id: string): Promise<TransferContents> {
    return this.#transfers().contents(id)
  }

  async acceptTransfer(id: string, options: ReceiveOptions = {}): Promise<TransferStatus> {
    return this.#transfers().accept(id, options)
  }

  async declineTransfer(id: string): Promise<TransferStatus> {
    return this.#transfers().decline(id)
  }

  async pauseTransfer(id: string): Promise<TransferStatus> {
    return this.#transfers().pause(id)
  }

  async continueTransfer(id: string): Promise<TransferStatus> {
    return this.#transfers().continue(id)
  }

  async stopTransfer(id: string): Promise<TransferStatus> {
    return this.#transfers().stop(id)
  }

  async setTransferLimit(bytesPerSecond: number | null, id?: string): Promise<void> {
    this.#transfers().setLimit(bytesPerSecond, id)
  }

  async setTransferPriority(id: string, priority: TransferPriority): Promise<void> {
    this.#transfers().setPriority(id, priority)
  }

  noteInput(): void {
    this.#core.extensions.plugins.handleInput()
  }

  get commands(): Client['commands'] {
    return this.#core.extensions.plugins.commands
  }

  plugins(): ReturnType<Client['plugins']> {
    return this.#core.extensions.plugins.status()
  }

  acquaintance(user: string): Acquaintance {
    const state = this.#profile()
    const name = displayName(user)
    return state.read(() => {
      const devices = state.devices.of(name)
      return {
        met: devices.length > 0,
        contact: state.devices.isContact(canonicalName(name)),
        verified: devices.some(({ isVerified }) => isVerified),
      }
    })
  }

  peers(): PeerStatus[] {
    return this.#core.account?.links?.statuses() ?? []
  }

  links(): ReturnType<Client['links']> {
    const { account } = this.#core
    const { serverLink } = this.#core.extensions
    const links = account?.links
    return {
      links: [...(links?.measurements() ?? []), ...(serverLink?.measurements() ?? [])],
      socket: links?.socket ?? null,
      network: account?.network ?? null,
    }
  }

  conversations(): ReturnType<Client['conversations']> {
    return this.#core.conversations.list()
  }

  async verify(user: string, { mark = false }: { mark?: boolean } = {}): ReturnType<Client['verify']> {
    const identity = this.#signedIn()
    if (!this.#core.account) throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: user })
    return verifyDevices(this.#core.account, identity, user, mark)
  }

  whoami(): ReturnType<Client['whoami']> {
    const { user, virtualAddress, key } = this.#signedIn()
    return {
      user,
      virtualAddress,
      device: fingerprintOf(key.publicKey),
      server: formatAddress(this.#core.address),
      status: this.#core.status,
    }
  }

  events(): AsyncIterableIterator<ClientEvent> {
    return this.#core.emitter.events()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#core.account?.courier.until(() => !this.#core.conversations.isUnderWay(), CLOSE_DRAIN_MS)
    if (this.#core.identity && this.#core.uplink.channel)
      await withDeadline(this.#core.uplink.request('signout', { leave: true }), SIGNOUT_MS)
    await this.#core.end(true)
  }

  async destroy(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#core.end(false)
  }

  async #sign(
    user: string,
    key: DeviceKey,
    how: { password: string | undefined; isNew: boolean },
  ): Promise<{ user: string; virtualAddress: string }> {
    if (this.#isClosed) throw new MsgError('MSG_ERR_NOT_CONNECTED')
    return this.#core.enter(user, key, how)
  }

  #signedIn(): Identity {
    if (this.#isClosed) throw new MsgError('MSG_ERR_NOT_CONNECTED')
    const { identity } = this.#core
    if (!identity) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
    return identity
  }

  #profile(): ProfileState {
    this.#signedIn()
    if (this.#core.account) return this.#core.account.state
    throw new MsgError('MSG_ERR_USAGE', { detail: 'a client with listening: false keeps no history' })
  }

  #transfers(): Transfers {
    this.#signedIn()
    const { transfers } = this.#core
    if (transfers) return transfers
    throw new MsgError('MSG_ERR_USAGE', { detail: 'a client with listening: false, or without UDP, transfers nothing' })
  }

  /** A room this user is in, by the name that the server shows. */
  #roomOf(name: string): string {
    const room = this.#core.rooms.list().find((other) => isSameName(other, name))
    if (room !== undefined) return room
    throw new MsgError('MSG_ERR_NOT_ROOM_MEMBER', { detail: name })
  }

  /** Somebody else, by the name that the server shows. */
  async #receiver(to: string): Promise<string> {
    const { user } = this.#signedIn()
    const name = await this.#resolve(to)
    if (isSameName(name, user)) throw new MsgError('MSG_ERR_SELF')
    return name
  }

  #currentRoom(): string {
    this.#signedIn()
    const { conversation } = this
    if (conversation?.kind === 'room') return conversation.room
    throw new MsgError('MSG_ERR_NO_CONVERSATION')
  }

  /** The name as the server shows it; as typed while the server is away. */
  async #resolve(user: string): Promise<string> {
    if (!this.#core.uplink.channel) return displayName(user)
    return (await this.#core.uplink.request('user.watch', { user })).user
  }
}

async function withDeadline(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([promise.catch(() => {}), new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}

/** How long what was said last may take to be acknowledged before the client goes, milliseconds: an introduction may take two seconds, and a link as long again. */
const CLOSE_DRAIN_MS = 5_000
/** How long a graceful end waits for the server, milliseconds. */
const SIGNOUT_MS = 2_000
