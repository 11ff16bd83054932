import { randomBytes } from 'node:crypto'
import { conversationKey, type Conversation } from '../chat/conversation.ts'
import type { ChatMessage } from '../chat/frames.ts'
import { fingerprintOf, type DeviceKey } from '../crypto/device-key.ts'
import { safetyNumber } from '../crypto/safety-number.ts'
import { MsgError } from '../errors.ts'
import type { ServerNotification } from '../io/control-channel.ts'
import type { LinkEndpoint } from '../transport/endpoint-api.ts'
import { formatAddress, parseAddress, type HostPort } from '../wire/address.ts'
import { canonicalName, displayName } from '../wire/names.ts'
import { Account, bindEndpoint } from './account.ts'
import type { Client, ClientEvent, ClientOptions, PeerStatus, SentMessage } from './api.ts'
import type { ClientDeps } from './deps.ts'
import { Emitter } from './emitter.ts'
import { Outreach } from './outreach.ts'
import { allPages } from './pages.ts'
import type { Peer } from './peer.ts'
import { dataDirOf } from './profile/data-dir.ts'
import { newDeviceKey, ServerProfiles } from './profile/profile.ts'
import { Rooms } from './rooms.ts'
import { Sessions } from './sessions.ts'
import { ServerTrust } from './server-trust.ts'
import { signIn, type SignedIn } from './sign-in.ts'
import { Uplink } from './uplink.ts'

/** {@link Client} as `createClient` makes it: puts the pieces together and holds what they share. */
export class MsgClient implements Client {
  readonly #options: ClientOptions
  readonly #deps: ClientDeps
  readonly #address: HostPort
  readonly #trust: ServerTrust
  readonly #uplink: Uplink
  readonly #emitter: Emitter
  readonly #sessions: Sessions
  readonly #rooms: Rooms
  readonly #instance = randomBytes(16).toString('hex')
  readonly #held: ServerNotification[] = []
  #identity: { readonly user: string; readonly virtualAddress: string; readonly key: DeviceKey } | undefined
  #account: Account | undefined
  #outreach: Outreach | undefined
  #status: 'active' | 'inactive' = 'active'
  #current: Conversation | undefined
  #isSigningIn = false
  #isClosed = false

  constructor(options: ClientOptions, deps: ClientDeps) {
    this.#options = options
    this.#deps = deps
    this.#address = parseAddress(options.server)
    this.#trust = new ServerTrust(dataDirOf(options.dataDir, deps.env), formatAddress(this.#address), options)
    this.#emitter = new Emitter((mark) => this.#account?.courier.markSeen(mark))
    const emit = (event: ClientEvent): void => this.#emitter.emit(event)
    this.#uplink = new Uplink({
      address: this.#address,
      dial: deps.dial,
      verify: (fingerprint) => this.#trust.verify(fingerprint),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.signal ? { signal: options.signal } : {}),
      isReconnecting: options.reconnect ?? true,
      random: deps.random,
      onNotification: (notification) => this.#handle(notification),
      onLost: () => this.#handleLost(),
      onWaiting: (attempt, delayMs, reason) => emit({ type: 'reconnecting', attempt, delayMs, reason }),
      onBack: () => this.#handleBack(),
      onGone: ({ message }) => emit({ type: 'disconnected', reason: message }),
    })
    this.#sessions = new Sessions({
      emit,
      onOpened: (user) => this.#handleSessionOpened(user),
      onClosed: (user, reason) => this.#handleSessionClosed(user, reason),
    })
    this.#rooms = new Rooms({
      emit,
      onMember: (room, user) => this.#openThread(user, { kind: 'room', room }),
      onMemberLeft: (room, user) => this.#dropThread(user, room),
      onClosed: (room) => this.#forgetCurrent({ kind: 'room', room }),
      fetchMembers: (room) => this.members(room),
    })
  }

  /** Connects for the first time. @throws as `createClient` does. */
  async connect(): Promise<void> {
    await this.#uplink.connect()
    this.#emitConnected()
  }

  get server(): Client['server'] {
    const { fingerprint, isFirstUse } = this.#trust
    return { name: this.#uplink.serverName, address: formatAddress(this.#address), fingerprint, firstUse: isFirstUse }
  }

  get user(): string | undefined {
    return this.#identity?.user
  }

  get virtualAddress(): string | undefined {
    return this.#identity?.virtualAddress
  }

  get connected(): boolean {
    return this.#uplink.channel !== undefined
  }

  get conversation(): Conversation | undefined {
    return this.#current
  }

  get requests(): readonly string[] {
    return this.#sessions.requests
  }

  get status(): 'active' | 'inactive' {
    return this.#status
  }

  async register(user: string, password: string): Promise<{ user: string; virtualAddress: string }> {
    return this.#enter(displayName(user), newDeviceKey(), { password, isNew: true })
  }

  async login(user: string, password?: string): Promise<{ user: string; virtualAddress: string }> {
    const name = displayName(user)
    const kept = this.#profiles.deviceKey(name)
    if (!kept && password === undefined)
      throw new MsgError('MSG_ERR_PROFILE_UNKNOWN', { detail: `${name} at ${formatAddress(this.#address)}` })
    return this.#enter(name, kept ?? newDeviceKey(), { password, isNew: false })
  }

  async users({ connected = false }: { connected?: boolean } = {}): ReturnType<Client['users']> {
    const pages = await allPages((after) => this.#uplink.request('users.list', { connected, ...after }))
    return pages.flatMap(({ users }) => users)
  }

  async rooms(): ReturnType<Client['rooms']> {
    const pages = await allPages((after) => this.#uplink.request('rooms.list', after))
    return pages.flatMap(({ rooms }) => rooms)
  }

  async members(
    room: string,
  ): Promise<{ room: string; owner: string; members: Array<{ user: string; present: boolean }>; next: null }> {
    const pages = await allPages((after) => this.#uplink.request('room.members', { room, ...after }))
    const { room: name, owner } = pages.at(-1)!
    return { room: name, owner, members: pages.flatMap(({ members }) => members), next: null }
  }

  async setStatus(status: 'active' | 'inactive'): Promise<void> {
    this.#signedIn()
    await this.#uplink.request('presence.set', { status })
    this.#status = status
  }

  async open(user: string, { signal }: { signal?: AbortSignal } = {}): Promise<{ user: string; present: boolean }> {
    this.#signedIn()
    this.#checkOwner()
    if (signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: `asking ${user}` })
    const { user: name, state } = await this.#uplink.request('session.open', { user })
    const withdraw = (): void => {
      this.#sessions.withdraw(name, new MsgError('MSG_ERR_CANCELLED', { detail: `asking ${name}` }))
      this.#uplink.request('session.close', { user: name }).catch(() => {})
    }
    signal?.addEventListener('abort', withdraw, { once: true })
    try {
      if (state === 'open' && !this.#sessions.has(name)) this.#sessions.handleOpened({ user: name, present: true })
      const answer = await this.#sessions.answer(name)
      await this.#switchTo({ kind: 'session', user: name })
      return answer
    } finally {
      signal?.removeEventListener('abort', withdraw)
    }
  }

  async accept(user: string, { always = false }: { always?: boolean } = {}): Promise<{ user: string }> {
    this.#signedIn()
    this.#checkOwner()
    const { user: name } = await this.#uplink.request('session.accept', { user })
    this.#sessions.handleAnswered(name)
    if (always) this.#account?.state.devices.addContact(canonicalName(name), Date.now())
    if (!this.#sessions.has(name)) this.#sessions.handleOpened({ user: name, present: true })
    await this.#switchTo({ kind: 'session', user: name })
    return { user: name }
  }

  async decline(
    user: string,
    { reason = 'declined' }: { reason?: 'declined' | 'busy' } = {},
  ): Promise<{ user: string }> {
    this.#signedIn()
    const { user: name } = await this.#uplink.request('session.decline', { user, reason })
    this.#sessions.handleAnswered(name)
    return { user: name }
  }

  async createRoom(room: string): Promise<{ room: string }> {
    const { user } = this.#signedIn()
    this.#checkOwner()
    const { room: name } = await this.#uplink.request('room.create', { room })
    this.#rooms.handleEntered({ room: name, owner: user })
    await this.#rooms.settled()
    await this.#switchTo({ kind: 'room', room: name })
    return { room: name }
  }

  async enterRoom(room: string): Promise<{ room: string; owner: string }> {
    this.#signedIn()
    this.#checkOwner(room)
    const { room: name, owner } = await this.#uplink.request('room.enter', { room })
    this.#rooms.handleEntered({ room: name, owner })
    await this.#rooms.settled()
    await this.#switchTo({ kind: 'room', room: name })
    return { room: name, owner }
  }

  async closeRoom(room?: string): Promise<{ room: string }> {
    this.#signedIn()
    const name = room ?? (this.#current?.kind === 'room' ? this.#current.room : undefined)
    if (name === undefined) throw new MsgError('MSG_ERR_NO_CONVERSATION')
    await this.#settle({ kind: 'room', room: name })
    const closed = await this.#uplink.request('room.close', { room: name })
    this.#rooms.handleClosed({ room: closed.room, reason: 'closed' })
    return closed
  }

  async leave(
    options: { conversation?: Conversation; to?: string; force?: boolean } = {},
  ): Promise<{ left: Conversation; closed: boolean }> {
    this.#signedIn()
    const { to, force = false } = options
    const left = this.#known(options.conversation ?? this.#current)
    if (left.kind === 'room' && to === undefined && !force && this.#isOwnerOfOthers(left.room))
      throw new MsgError('MSG_ERR_OWNER_LEAVING', { detail: left.room })
    await this.#settle(left)
    const closed = await this.#leave(left, to)
    return { left, closed }
  }

  async send(text: string, { to }: { to?: Conversation } = {}): Promise<SentMessage> {
    const { user } = this.#signedIn()
    const courier = this.#account?.courier
    if (!courier) throw new MsgError('MSG_ERR_USAGE', { detail: 'a client with listening: false sends no messages' })
    const conversation = to ?? this.#current
    if (!conversation) throw new MsgError('MSG_ERR_NO_CONVERSATION')
    if (conversation.kind === 'room') {
      const room = this.#rooms.list().find((name) => sameName(name, conversation.room))
      if (room === undefined) throw new MsgError('MSG_ERR_NOT_ROOM_MEMBER', { detail: conversation.room })
      const recipients = this.#rooms.members(room).filter((member) => member !== user)
      return courier.send(text, { kind: 'room', room }, recipients)
    }
    if (this.#sessions.has(conversation.user)) return courier.send(text, conversation, [conversation.user])
    const open = this.#sessions.list().find((session) => sameName(session.user, conversation.user))
    if (open) return courier.send(text, { kind: 'session', user: open.user }, [open.user])
    const name = await this.#resolve(conversation.user)
    if (sameName(name, user)) throw new MsgError('MSG_ERR_SELF')
    const sent = await courier.send(text, { kind: 'session', user: name }, [name])
    void this.#outreach?.seek(name)
    return sent
  }

  async flush({ timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<{ waiting: number }> {
    const courier = this.#account?.courier
    await courier?.until(() => courier.waiting === 0, timeoutMs, signal)
    return { waiting: courier?.waiting ?? 0 }
  }

  peers(): PeerStatus[] {
    return this.#account?.links?.statuses() ?? []
  }

  conversations(): ReturnType<Client['conversations']> {
    const self = this.#identity?.user ?? ''
    const entry = (conversation: Conversation, present: boolean): ReturnType<Client['conversations']>[number] => ({
      conversation,
      present,
      current: this.#isCurrent(conversation),
      queued: this.#account?.courier.outbox.queued({ key: conversationKey(conversation) }) ?? 0,
    })
    return [
      ...this.#sessions.list().map(({ user, present }) => entry({ kind: 'session', user }, present)),
      ...this.#rooms.list().map((room) => entry({ kind: 'room', room }, this.#rooms.isAnybodyPresent(room, self))),
    ]
  }

  async verify(user: string, { mark = false }: { mark?: boolean } = {}): ReturnType<Client['verify']> {
    const { user: self, key } = this.#signedIn()
    const { state, links } = this.#account ?? {}
    const linked = (links?.peers() ?? []).filter((peer) => sameName(peer.user, user))
    if (!state || linked.length === 0) throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: user })
    if (mark) for (const { device } of linked) state.devices.verify(device, Date.now())
    return [...new Map(linked.map((peer) => [peer.deviceKey, peer])).values()].map(({ user: name, deviceKey }) => {
      const publicKey = Buffer.from(deviceKey, 'base64url')
      return {
        device: fingerprintOf(publicKey),
        number: safetyNumber(
          { user: canonicalName(self), publicKey: key.publicKey },
          { user: canonicalName(name), publicKey },
        ),
        verified: state.devices.of(name).some((device) => device.key === deviceKey && device.isVerified),
      }
    })
  }

  whoami(): ReturnType<Client['whoami']> {
    const { user, virtualAddress, key } = this.#signedIn()
    return {
      user,
      virtualAddress,
      device: fingerprintOf(key.publicKey),
      server: formatAddress(this.#address),
      status: this.#status,
    }
  }

  events(): AsyncIterableIterator<ClientEvent> {
    return this.#emitter.events()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const courier = this.#account?.courier
    const { outbox } = courier ?? {}
    const isDone = (): boolean => !outbox || outbox.waitingUsers().every((user) => !outbox.isReachable(user))
    await courier?.until(isDone, DRAIN_MS)
    if (this.#identity && this.#uplink.channel)
      await withDeadline(this.#uplink.request('signout', { leave: true }), SIGNOUT_MS)
    await this.#end(true)
  }

  async destroy(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#end(false)
  }

  get #profiles(): ServerProfiles {
    return this.#trust.profiles
  }

  async #end(isGraceful: boolean): Promise<void> {
    this.#uplink.close(isGraceful)
    await this.#account?.close()
    this.#emitter.emit({ type: 'disconnected', reason: 'closed' })
    this.#emitter.close()
  }

  #signedIn(): { readonly user: string; readonly virtualAddress: string; readonly key: DeviceKey } {
    if (this.#isClosed) throw new MsgError('MSG_ERR_NOT_CONNECTED')
    if (!this.#identity) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
    return this.#identity
  }

  async #enter(
    user: string,
    key: DeviceKey,
    { password, isNew }: { password: string | undefined; isNew: boolean },
  ): Promise<{ user: string; virtualAddress: string }> {
    if (this.#isClosed) throw new MsgError('MSG_ERR_NOT_CONNECTED')
    if (this.#identity) throw new MsgError('MSG_ERR_SIGNED_IN', { detail: this.#identity.user })
    if (this.#isSigningIn) throw new MsgError('MSG_ERR_SIGNED_IN', { detail: 'another sign-in is under way' })
    const listening = this.#options.listening ?? true
    this.#isSigningIn = true
    let endpoint: LinkEndpoint | undefined
    try {
      if (listening) endpoint = await bindEndpoint(this.#deps, key, this.#instance, this.#emitter)
      const signedIn = await signIn(this.#uplink, { user, key, instance: this.#instance, listening, password, isNew })
      this.#profiles.keepDeviceKey(signedIn.user, key)
      this.#profiles.setLastUser(signedIn.user)
      if (listening) this.#openAccount(signedIn.user, key, endpoint)
      endpoint = undefined
      this.#identity = { user: signedIn.user, virtualAddress: signedIn.virtualAddress, key }
      await this.#settleIn(signedIn, false)
      return { user: signedIn.user, virtualAddress: signedIn.virtualAddress }
    } finally {
      this.#isSigningIn = false
      await endpoint?.close()
    }
  }

  #openAccount(user: string, key: DeviceKey, endpoint: LinkEndpoint | undefined): void {
    const account = new Account({
      user,
      key,
      instance: this.#instance,
      dir: this.#profiles.dirOf(user),
      endpoint,
      emitter: this.#emitter,
      random: this.#deps.random,
      admission: (peer, message) => this.#admits(peer, message),
    })
    this.#account = account
    this.#outreach = new Outreach({ uplink: this.#uplink, courier: account.courier, sessions: this.#sessions })
  }

  /** After every sign-in: what the server told meanwhile is taken in, then what it did not tell any more is dropped. */
  async #settleIn(signedIn: SignedIn, restored: boolean): Promise<void> {
    const wanted = this.#status
    this.#status = signedIn.status
    this.#emitter.emit({ type: 'signed-in', user: signedIn.user, virtualAddress: signedIn.virtualAddress, restored })
    this.#isSigningIn = false
    for (const notification of this.#held.splice(0)) this.#handle(notification)
    if (restored && wanted !== signedIn.status) await this.setStatus(wanted)
    await this.#account?.announce(this.#uplink, signedIn)
    this.#sessions.dropStale()
    this.#rooms.dropStale()
    await this.#rooms.settled()
    this.#account?.adopt()
    this.#dropLostRooms()
    this.#outreach?.start()
    this.#account?.courier.schedule()
  }

  /** What waits for rooms this user is not in any more cannot be delivered. */
  #dropLostRooms(): void {
    const outbox = this.#account?.courier.outbox
    for (const { user, key } of outbox?.waitingThreads() ?? [])
      if (key.startsWith('r:') && !this.#rooms.isMember(key.slice(2), user)) outbox?.drop(user, key)
  }

  #handleLost(): void {
    this.#sessions.handleDisconnected()
    this.#rooms.handleDisconnected()
    this.#account?.links?.handleDisconnected()
  }

  async #handleBack(): Promise<void> {
    this.#emitConnected()
    if (!this.#identity) return
    const { user, key } = this.#identity
    const known = this.#account?.links?.instances() ?? []
    this.#isSigningIn = true
    try {
      const listening = this.#options.listening ?? true
      const signedIn = await signIn(this.#uplink, { user, key, instance: this.#instance, listening })
      await this.#settleIn(signedIn, true)
    } finally {
      this.#isSigningIn = false
    }
    const { links } = this.#account ?? {}
    setTimeout(() => links?.probe(known), REINTRODUCTION_MS).unref()
  }

  #emitConnected(): void {
    const { address, fingerprint, firstUse } = this.server
    this.#emitter.emit({ type: 'connected', server: this.#uplink.serverName, address, fingerprint, firstUse })
  }

  #handle(notification: ServerNotification): void {
    if (this.#isClosed) return
    if (this.#isSigningIn) {
      this.#held.push(notification)
      return
    }
    const { method, params } = notification
    if (method === 'session.request') this.#handleRequest(params.user)
    else if (method === 'session.opened') this.#sessions.handleOpened(params)
    else if (method === 'session.declined') this.#sessions.handleDeclined(params)
    else if (method === 'session.closed') this.#sessions.handleClosed(params)
    else if (method === 'room.entered') this.#handleRoomEntered(params)
    else if (method === 'room.member') this.#rooms.handleMember(params)
    else if (method === 'room.owner') this.#rooms.handleOwner(params)
    else if (method === 'room.closed') this.#rooms.handleClosed(params)
    else if (method === 'peer.introduced') this.#account?.links?.introduce(params)
    else if (method === 'peer.gone') this.#account?.links?.gone(params.instance, params.reason)
    else if (method === 'user.active') void this.#outreach?.handleActive(params.user)
    this.#account?.courier.schedule()
  }

  /** Answers by itself where the policy says so; one conversation at a time unless several are kept open. */
  #handleRequest(user: string): void {
    const { accept = 'ask', keepOpen = false } = this.#options
    const isWelcome =
      accept === 'everyone' || (accept === 'contacts' && this.#account?.state.devices.isContact(canonicalName(user)))
    if (!isWelcome) {
      this.#sessions.handleRequest({ user })
      return
    }
    const isBusy = this.#current !== undefined && !keepOpen && !this.#isCurrent({ kind: 'session', user })
    const answer = isBusy ? this.decline(user, { reason: 'busy' }) : this.accept(user)
    answer.catch(() => {})
  }

  #handleRoomEntered(params: { room: string; owner: string }): void {
    this.#rooms.handleEntered(params)
    this.#current ??= { kind: 'room', room: params.room }
  }

  #handleSessionOpened(user: string): void {
    this.#current ??= { kind: 'session', user }
    this.#openThread(user, { kind: 'session', user })
  }

  #handleSessionClosed(user: string, reason: string): void {
    this.#forgetCurrent({ kind: 'session', user })
    this.#account?.courier.outbox.closeThread(user, `s:${user}`)
    this.#account?.courier.schedule()
    if (reason === 'gone' && this.#account?.courier.outbox.hasWaiting(user, `s:${user}`))
      void this.#outreach?.seek(user)
  }

  #openThread(user: string, conversation: Conversation): void {
    if (user === this.#identity?.user) return
    this.#account?.courier.outbox.openThread(user, conversationKey(conversation))
    this.#account?.courier.schedule()
  }

  #dropThread(user: string, room: string): void {
    const outbox = this.#account?.courier.outbox
    outbox?.closeThread(user, `r:${room}`)
    outbox?.drop(user, `r:${room}`)
    this.#account?.courier.schedule()
  }

  #admits(peer: Peer, { conversation }: ChatMessage): boolean {
    if (peer.isOwn) return true
    if (conversation.kind === 'session')
      return conversation.user === this.#identity?.user && this.#sessions.has(peer.user)
    return this.#rooms.isMember(conversation.room, peer.user)
  }

  async #switchTo(next: Conversation): Promise<void> {
    const previous = this.#current
    this.#current = next
    if (this.#options.keepOpen || !previous || conversationKey(previous) === conversationKey(next)) return
    await this.#settle(previous)
    await this.#leave(previous)
  }

  /** Opening another conversation leaves the present one: not without a warning when that closes it for others. */
  #checkOwner(next?: string): void {
    const current = this.#current
    if (this.#options.keepOpen || current?.kind !== 'room' || (next !== undefined && sameName(next, current.room)))
      return
    if (this.#isOwnerOfOthers(current.room)) throw new MsgError('MSG_ERR_OWNER_LEAVING', { detail: current.room })
  }

  #isOwnerOfOthers(room: string): boolean {
    const self = this.#identity?.user
    return this.#rooms.ownerOf(room) === self && this.#rooms.members(room).some((member) => member !== self)
  }

  /** Lets what was said last be acknowledged before the conversation goes. */
  async #settle(conversation: Conversation): Promise<void> {
    const courier = this.#account?.courier
    const outbox = courier?.outbox
    const key = conversationKey(conversation)
    const isDone = (): boolean =>
      !outbox?.waitingThreads().some((thread) => thread.key === key && outbox.isReachable(thread.user))
    await courier?.until(isDone, DRAIN_MS)
  }

  /** @returns true when a room was closed by that. */
  async #leave(conversation: Conversation, to?: string): Promise<boolean> {
    if (conversation.kind === 'session') {
      const { user } = await this.#uplink.request('session.close', { user: conversation.user })
      this.#sessions.handleClosed({ user, reason: 'left' })
      return false
    }
    const { room, closed } = await this.#uplink.request('room.leave', {
      room: conversation.room,
      ...(to === undefined ? {} : { to }),
    })
    this.#rooms.handleClosed({ room, reason: closed ? 'owner-left' : 'left' })
    return closed
  }

  /** The conversation as it is listed. @throws MSG_ERR_NO_CONVERSATION, MSG_ERR_SESSION_UNKNOWN, MSG_ERR_NOT_ROOM_MEMBER */
  #known(conversation: Conversation | undefined): Conversation {
    if (!conversation) throw new MsgError('MSG_ERR_NO_CONVERSATION')
    if (conversation.kind === 'room') {
      const room = this.#rooms.list().find((name) => sameName(name, conversation.room))
      if (room === undefined) throw new MsgError('MSG_ERR_NOT_ROOM_MEMBER', { detail: conversation.room })
      return { kind: 'room', room }
    }
    const session = this.#sessions.list().find(({ user }) => sameName(user, conversation.user))
    if (!session) throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: conversation.user })
    return { kind: 'session', user: session.user }
  }

  #isCurrent(conversation: Conversation): boolean {
    return this.#current !== undefined && conversationKey(this.#current) === conversationKey(conversation)
  }

  #forgetCurrent(conversation: Conversation): void {
    if (this.#isCurrent(conversation)) this.#current = undefined
  }

  /** The name as the server shows it; as typed while the server is away. */
  async #resolve(user: string): Promise<string> {
    if (!this.#uplink.channel) return displayName(user)
    return (await this.#uplink.request('user.watch', { user })).user
  }
}

function sameName(a: string, b: string): boolean {
  if (a === b) return true
  try {
    return canonicalName(a) === canonicalName(b)
  } catch {
    return false
  }
}

async function withDeadline(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([promise.catch(() => {}), new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}

/** How long what was said last may take to be acknowledged before a conversation or the client goes, milliseconds. */
const DRAIN_MS = 2_000
/** How long a graceful end waits for the server, milliseconds. */
const SIGNOUT_MS = 2_000
/** When peers that the server did not introduce again after a reconnection are probed, milliseconds. */
const REINTRODUCTION_MS = 5_000
