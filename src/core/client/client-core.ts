import { newInstance } from '../control/device-proof.ts'
import type { NotificationParams } from '../control/methods.ts'
import { conversationKey, type Conversation } from '../chat/conversation.ts'
import type { ChatMessage } from '../chat/frames.ts'
import type { DeviceKey } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import type { ServerNotification } from '../io/control-channel.ts'
import { CONTROLLERS } from '../transport/congestion/controllers.ts'
import type { LinkEndpoint } from '../transport/endpoint-api.ts'
import { formatAddress, parseAddress, type HostPort } from '../wire/address.ts'
import { canonicalName, isSameName } from '../wire/names.ts'
import type { Transfers } from '../transfers/transfers.ts'
import { Account, bindEndpoint } from './account.ts'
import type { ClientEvent, ClientOptions } from './api.ts'
import { Conversations } from './conversations.ts'
import type { ClientDeps } from './deps.ts'
import { Emitter } from './emitter.ts'
import { Extensions } from './extensions.ts'
import type { Identity } from './identity.ts'
import { listMembers } from './listings.ts'
import { Outreach } from './outreach.ts'
import type { Peer } from './peer.ts'
import { dataDirOf } from './profile/data-dir.ts'
import { Rooms } from './rooms.ts'
import { ServerTrust } from './server-trust.ts'
import { Sessions } from './sessions.ts'
import { signIn, type SignedIn } from './sign-in.ts'
import { Uplink } from './uplink.ts'

/** What a client is made of, and what it does when the server speaks: signing in again, taking in what is told, answering by itself. */
export class ClientCore {
  readonly address: HostPort
  readonly trust: ServerTrust
  readonly uplink: Uplink
  readonly emitter: Emitter
  readonly sessions: Sessions
  readonly rooms: Rooms
  readonly conversations: Conversations
  readonly extensions: Extensions
  account: Account | undefined
  outreach: Outreach | undefined
  status: 'active' | 'inactive' = 'active'
  readonly #options: ClientOptions
  readonly #deps: ClientDeps
  readonly #held: ServerNotification[] = []
  /** Whose requests plugins are asked about. */
  readonly #deciding = new Set<string>()
  #identity: Identity | undefined
  /** Why the server said it would go. */
  #goodbye: string | undefined
  #isSigningIn = false
  #isEnded = false

  constructor(options: ClientOptions, deps: ClientDeps) {
    this.#options = options
    this.#deps = deps
    checkCongestion(options.congestion)
    this.address = parseAddress(options.server)
    this.trust = new ServerTrust(dataDirOf(options.dataDir, deps.env), formatAddress(this.address), options)
    this.emitter = new Emitter(
      (mark) => this.account?.courier.markSeen(mark),
      (event) => this.extensions.plugins.handleEvent(event),
    )
    const emit = (event: ClientEvent): void => this.emitter.emit(event)
    this.uplink = new Uplink({
      plugins: {
        versions: () => this.extensions.plugins.versions,
        handleHello: (there, packages) => this.extensions.handleHello(there, packages),
      },
      address: this.address,
      dial: deps.dial,
      verify: (fingerprint) => this.trust.verify(fingerprint),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.signal ? { signal: options.signal } : {}),
      isReconnecting: options.reconnect ?? true,
      random: deps.random,
      onNotification: (notification) => this.#handle(notification),
      onLost: () => this.#handleLost(),
      onWaiting: (attempt, delayMs, reason) => {
        emit({ type: 'reconnecting', attempt, delayMs, reason: this.#goodbye ?? reason })
        this.#goodbye = undefined
      },
      onBack: () => this.#handleBack(),
      onGone: ({ message }) => emit({ type: 'disconnected', reason: message }),
    })
    this.extensions = new Extensions({
      options,
      emitter: this.emitter,
      uplink: this.uplink,
      random: deps.random,
      identity: () => this.#identity,
      account: () => this.account,
      isOpen: (user) => this.#isOpen(user),
      dirOf: (user) => this.trust.profiles.dirOf(user),
    })
    this.sessions = new Sessions({
      emit,
      onOpened: (user) => this.#handleSessionOpened(user),
      onClosed: (user, reason) => this.#handleSessionClosed(user, reason),
    })
    this.rooms = new Rooms({
      emit,
      onMember: (room, user) => this.#handleMember(room, user),
      onMemberLeft: (room, user) => this.#handleMemberLeft(room, user),
      onClosed: (room) => this.#handleRoomClosed(room),
      fetchMembers: (room) => listMembers(this.uplink, room),
    })
    this.conversations = new Conversations({
      uplink: this.uplink,
      sessions: this.sessions,
      rooms: this.rooms,
      keepOpen: options.keepOpen ?? false,
      self: () => this.#identity?.user,
      courier: () => this.account?.courier,
    })
  }

  get transfers(): Transfers | undefined {
    return this.account?.transfers ?? this.extensions.portTransfers
  }

  get identity(): Identity | undefined {
    return this.#identity
  }

  /** Connects for the first time. */
  async connect(): Promise<void> {
    await this.extensions.plugins.start(this.#options.plugins ?? [])
    await this.uplink.connect()
    this.#emitConnected()
  }

  /** Waits for the answer of somebody who was asked, unless the question is withdrawn first. @throws what became of it. */
  async answer(user: string, signal: AbortSignal | undefined): Promise<{ user: string; present: boolean }> {
    const answer = this.sessions.answer(user)
    const withdraw = (): void => {
      if (this.sessions.withdraw(user, new MsgError('MSG_ERR_CANCELLED', { detail: `asking ${user}` })))
        this.uplink.request('session.close', { user }).catch(() => {})
    }
    signal?.addEventListener('abort', withdraw, { once: true })
    if (signal?.aborted) withdraw()
    try {
      return await answer
    } finally {
      signal?.removeEventListener('abort', withdraw)
    }
  }

  /** Accepts a request and turns to it. */
  async accept(user: string): Promise<string> {
    this.conversations.checkSwitch()
    const { user: name } = await this.uplink.request('session.accept', { user })
    this.sessions.handleAnswered(name)
    if (!this.sessions.has(name)) this.sessions.handleOpened({ user: name, present: true })
    await this.conversations.switchTo({ kind: 'session', user: name })
    return name
  }

  async decline(user: string, reason: 'declined' | 'busy'): Promise<string> {
    const { user: name } = await this.uplink.request('session.decline', { user, reason })
    this.sessions.handleAnswered(name)
    return name
  }

  async setStatus(status: 'active' | 'inactive'): Promise<void> {
    await this.uplink.request('presence.set', { status })
    this.status = status
  }

  /** Frees everything. @param isGraceful - consumers of events may take what is queued, written lines go out. */
  async end(isGraceful: boolean): Promise<void> {
    this.#isEnded = true
    this.uplink.close(isGraceful)
    // What was acknowledged a moment ago is told while somebody can still hear it.
    if (isGraceful) this.account?.courier.settle()
    this.emitter.emit({ type: 'disconnected', reason: 'closed' })
    this.emitter.close()
    // Messages that a consumer still takes are marked as seen, so that they are not told again.
    if (isGraceful) await this.emitter.drained(CONSUME_MS)
    await this.extensions.close()
    await this.account?.close()
  }

  /** Signs in for the first time. @param isNew - makes the account. @throws MSG_ERR_SIGNED_IN, and what the server answers. */
  async enter(
    user: string,
    key: DeviceKey,
    { password, isNew }: { password: string | undefined; isNew: boolean },
  ): Promise<{ user: string; virtualAddress: string }> {
    if (this.#identity) throw new MsgError('MSG_ERR_SIGNED_IN', { detail: this.#identity.user })
    if (this.#isSigningIn) throw new MsgError('MSG_ERR_SIGNED_IN', { detail: 'another sign-in is under way' })
    const { listening = true, downloading = false } = this.#options
    this.#isSigningIn = true
    let endpoint: LinkEndpoint | undefined
    try {
      const { congestion } = this.#options
      const instance = newInstance(key.publicKey)
      const binding = congestion === undefined ? {} : { congestion }
      if (listening || downloading) endpoint = await bindEndpoint(this.#deps, key, instance, binding, this.emitter)
      const signedIn = await signIn(this.uplink, { user, key, instance, listening, password, isNew })
      this.trust.profiles.keepDeviceKey(signedIn.user, key)
      this.trust.profiles.setLastUser(signedIn.user)
      if (listening) this.#openAccount(signedIn.user, key, instance, endpoint)
      else if (endpoint) this.extensions.openPort(endpoint)
      endpoint = undefined
      this.#identity = { user: signedIn.user, virtualAddress: signedIn.virtualAddress, key, instance }
      await this.#settleIn(signedIn, false)
      return { user: signedIn.user, virtualAddress: signedIn.virtualAddress }
    } finally {
      this.#isSigningIn = false
      this.#held.length = 0
      await endpoint?.close()
    }
  }

  #openAccount(user: string, key: DeviceKey, instance: string, endpoint: LinkEndpoint | undefined): void {
    const account = new Account({
      user,
      key,
      instance,
      dir: this.trust.profiles.dirOf(user),
      endpoint,
      emitter: this.emitter,
      random: this.#deps.random,
      isMember: (room, other) => this.rooms.isMember(room, other),
      admission: (peer, message) => this.#admits(peer, message),
      onTransfer: (event) => this.extensions.handleTransfer(event),
      mapPort: this.#options.mapPort ? this.#deps.mapPort : undefined,
      guessPorts: this.#options.guessPorts,
    })
    this.account = account
    if (endpoint) this.extensions.openLinks(endpoint, account)
    this.outreach = new Outreach({ uplink: this.uplink, courier: account.courier, sessions: this.sessions })
  }

  /** After every sign-in: what the server told meanwhile is taken in, then what it did not tell any more is dropped. */
  async #settleIn(signedIn: SignedIn, restored: boolean): Promise<void> {
    const wanted = this.status
    this.status = signedIn.status
    this.emitter.emit({ type: 'signed-in', user: signedIn.user, virtualAddress: signedIn.virtualAddress, restored })
    this.#isSigningIn = false
    this.account?.handleSignedIn(this.uplink, signedIn)
    for (const notification of this.#held.splice(0)) this.#handle(notification)
    if (restored && wanted !== signedIn.status) await this.setStatus(wanted)
    await this.account?.announce(this.uplink, signedIn)
    this.sessions.dropStale()
    this.rooms.dropStale()
    await this.rooms.settled()
    this.account?.adopt()
    // Links to the server are of no consequence for the sign-in.
    if (restored) void this.extensions.handleBack()
    this.#dropLostRooms()
    this.outreach?.start()
    this.account?.courier.schedule()
  }

  /** What waits for rooms this user is not in any more cannot be delivered. */
  #dropLostRooms(): void {
    const outbox = this.account?.courier.outbox
    for (const { user, key } of outbox?.waitingThreads() ?? [])
      if (key.startsWith('r:') && this.rooms.isStranger(key.slice(2), user)) outbox?.drop(user, key)
  }

  #handleLost(): void {
    this.sessions.handleDisconnected()
    this.rooms.handleDisconnected()
    this.account?.links?.handleDisconnected()
  }

  async #handleBack(): Promise<void> {
    this.#emitConnected()
    if (!this.#identity) return
    const { user, key, instance } = this.#identity
    const known = this.account?.links?.instances() ?? []
    this.#isSigningIn = true
    try {
      const listening = this.#options.listening ?? true
      const isInvisible = this.status === 'inactive'
      const signedIn = await signIn(this.uplink, { user, key, instance, listening, isInvisible })
      await this.#settleIn(signedIn, true)
    } finally {
      this.#isSigningIn = false
    }
    const { links } = this.account ?? {}
    setTimeout(() => links?.probe(known), REINTRODUCTION_MS).unref()
  }

  #emitConnected(): void {
    const { fingerprint, isFirstUse: firstUse } = this.trust
    const address = formatAddress(this.address)
    this.emitter.emit({ type: 'connected', server: this.uplink.serverName, address, fingerprint, firstUse })
  }

  #handle(notification: ServerNotification): void {
    if (this.#isEnded) return
    if (this.#isSigningIn) {
      this.#held.push(notification)
      return
    }
    const { method, params } = notification
    if (method === 'session.request') this.#handleRequest(params.user)
    else if (method === 'session.opened') this.sessions.handleOpened(params)
    else if (method === 'session.declined') this.sessions.handleDeclined(params)
    else if (method === 'session.closed') this.#handleSessionEnd(params)
    else if (method === 'room.entered') this.#handleRoomEntered(params)
    else if (method === 'room.member') this.rooms.handleMember(params)
    else if (method === 'room.owner') this.rooms.handleOwner(params)
    else if (method === 'room.closed') this.rooms.handleClosed(params)
    else if (method === 'peer.introduced') this.account?.links?.introduce(params)
    else if (method === 'peer.gone') this.account?.links?.gone(params.instance, params.reason)
    else if (method === 'server.closing') this.#goodbye = 'the server was stopped'
    else if (method === 'plugin') this.extensions.plugins.handleMessage(params)
    else if (method === 'user.active') void this.outreach?.handleActive(params.user)
    this.account?.courier.schedule()
  }

  /** Answers by itself where the policy says so; one conversation at a time unless several are kept open. */
  #handleRequest(user: string): void {
    const { accept = 'ask' } = this.#options
    const isWelcome =
      accept === 'everyone' || (accept === 'contacts' && this.account?.state.devices.isContact(canonicalName(user)))
    if (!isWelcome) {
      if (this.extensions.plugins.isAnswering) void this.#askPlugins(user)
      else this.sessions.handleRequest({ user })
      return
    }
    this.#welcome(user)
  }

  /** Plugins may answer; if none does, a person is asked, unless the request was withdrawn meanwhile. */
  async #askPlugins(user: string): Promise<void> {
    this.#deciding.add(user)
    const answer = await this.extensions.plugins.answerRequest(user)
    if (!this.#deciding.delete(user) || this.#isEnded) return
    if (answer === 'accept') this.#welcome(user)
    else if (answer === 'decline') this.decline(user, 'declined').catch(() => {})
    else this.sessions.handleRequest({ user })
  }

  #handleSessionEnd(params: NotificationParams<'session.closed'>): void {
    this.#deciding.delete(params.user)
    this.sessions.handleClosed(params)
  }

  #welcome(user: string): void {
    const { keepOpen = false } = this.#options
    const isBusy =
      this.conversations.current !== undefined && !keepOpen && !this.conversations.isCurrent({ kind: 'session', user })
    const answer = isBusy ? this.decline(user, 'busy') : this.accept(user)
    answer.catch(() => {})
  }

  #handleRoomEntered(params: { room: string; owner: string }): void {
    this.rooms.handleEntered(params)
    this.conversations.handleOpened({ kind: 'room', room: params.room })
  }

  #handleSessionOpened(user: string): void {
    this.conversations.handleOpened({ kind: 'session', user })
    this.#openThread(user, { kind: 'session', user })
  }

  #handleSessionClosed(user: string, reason: string): void {
    this.conversations.handleClosed({ kind: 'session', user })
    this.account?.courier.outbox.closeThread(user, `s:${user}`)
    this.account?.courier.schedule()
    if (!this.account?.courier.outbox.hasWaiting(user, `s:${user}`)) return
    // Who left on purpose is not asked again before they have been away.
    if (reason === 'gone') void this.outreach?.seek(user)
    else void this.outreach?.watch(user)
  }

  #handleMember(room: string, user: string): void {
    this.#openThread(user, { kind: 'room', room })
    this.account?.transfers?.handleMember(room, user)
  }

  #handleMemberLeft(room: string, user: string): void {
    this.#dropThread(user, room)
    this.account?.transfers?.handleMemberLeft(room, user)
  }

  #handleRoomClosed(room: string): void {
    this.conversations.handleClosed({ kind: 'room', room })
    this.account?.transfers?.handleRoomClosed(room)
  }

  /** This user is in a conversation with `user`. */
  #isOpen(user: string): boolean {
    const shared = this.rooms.list().some((room) => this.rooms.members(room).some((member) => isSameName(member, user)))
    return shared || this.sessions.list().some((session) => isSameName(session.user, user))
  }

  #openThread(user: string, conversation: Conversation): void {
    if (user === this.#identity?.user) return
    this.account?.courier.outbox.openThread(user, conversationKey(conversation))
    this.account?.courier.schedule()
  }

  #dropThread(user: string, room: string): void {
    const outbox = this.account?.courier.outbox
    outbox?.closeThread(user, `r:${room}`)
    outbox?.drop(user, `r:${room}`)
    this.account?.courier.schedule()
  }

  #admits(peer: Peer, { conversation }: ChatMessage): boolean {
    if (peer.isOwn) return true
    if (conversation.kind === 'session')
      return conversation.user === this.#identity?.user && this.sessions.has(peer.user)
    return this.rooms.isMember(conversation.room, peer.user)
  }
}

/** How long a graceful end waits for consumers of events to take what is queued, milliseconds. */
const CONSUME_MS = 500
function checkCongestion(name: string | undefined): void {
  if (name === undefined || Object.hasOwn(CONTROLLERS, name)) return
  const choices = Object.keys(CONTROLLERS).join(', ')
  throw new MsgError('MSG_ERR_USAGE', {
    detail: `congestion is ${JSON.stringify(name)}, but must be one of ${choices}`,
  })
}

/** When peers that the server did not introduce again after a reconnection are probed, milliseconds. */
const REINTRODUCTION_MS = 5_000
