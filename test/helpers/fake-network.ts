import type {
  Acquaintance,
  Client,
  ClientEvent,
  ClientOptions,
  HistoryMessage,
  HistoryQuery,
  Conversation,
  MessageState,
  LinkStatus,
  NetworkStatus,
  PeerStatus,
  SentMessage,
  SocketStatus,
} from '../../src/core/client/api.ts'
import type { Readable } from 'node:stream'
import { MsgError, type ErrorCode } from '../../src/core/errors.ts'
import type { ReceiveOptions, TransferContents, TransferStatus } from '../../src/core/transfers/api.ts'

/** A server and its clients in memory, as the command line sees them: the same interface, no sockets, no clock. */
export class FakeNetwork {
  readonly accounts = new Map<string, string>()
  readonly rooms = new Map<string, { owner: string; members: Set<string> }>()
  readonly clients = new Set<FakeClient>()
  /** Addresses that cannot be reached. */
  readonly unreachable = new Set<string>()
  /** Users whose device is known: `login` needs no password. */
  readonly devices = new Set<string>()
  /** What each `createClient` was given, in order. */
  readonly options: ClientOptions[] = []
  /** Messages stay unacknowledged while true. */
  holdsDeliveries = false

  readonly createClient = async (options: ClientOptions): Promise<Client> => {
    this.options.push(options)
    if (this.unreachable.has(options.server)) throw error('MSG_ERR_SERVER_UNREACHABLE', options.server)
    const client = new FakeClient(this, options)
    this.clients.add(client)
    return client
  }

  signedIn(user: string): FakeClient | undefined {
    return [...this.clients].find((client) => client.user === user)
  }
}

/** One client of a {@link FakeNetwork}. */
export class FakeClient implements Client {
  readonly server
  readonly requests: string[] = []
  readonly options: ClientOptions
  user: string | undefined
  connected = true
  conversation: Conversation | undefined
  status: 'active' | 'inactive' = 'active'
  /** What plugins bring. */
  commands: Client['commands'] = []
  readonly plugins: Client['plugins'] = () => []
  /** How often somebody typed. */
  inputs = 0

  noteInput(): void {
    this.inputs++
  }

  isClosed = false
  isDestroyed = false
  waiting = 0
  readonly flushes: Array<number | undefined> = []
  /** What the history holds, oldest first. */
  readonly past: HistoryMessage[] = []
  readonly marked: string[] = []
  /** What `acquaintance` answers beside that. */
  readonly known = new Map<string, Partial<Acquaintance>>()
  /** What `links` answers. */
  linked: LinkStatus[] = []
  socket: SocketStatus | null = null
  network: NetworkStatus | null = null
  readonly always: string[] = []
  /** What `transfers` answers, and what was done to transfers. */
  transferring: TransferStatus[] = []
  readonly did: string[] = []
  /** What `transferContents` answers. */
  contents: TransferContents['entries'] = [{ path: 'photo.jpg', kind: 'file', size: 1_000 }]
  readonly #network: FakeNetwork
  readonly #sessions = new Set<string>()
  readonly #queue: ClientEvent[] = []
  readonly #ringing = new Map<string, (answer: ErrorCode | 'yes') => void>()
  #wake: (() => void) | undefined
  #messages = 0

  constructor(network: FakeNetwork, options: ClientOptions) {
    this.#network = network
    this.options = options
    this.server = { name: 'fake', address: options.server, fingerprint: 'SHA256:fake', firstUse: true }
  }

  get virtualAddress(): string | undefined {
    return this.user === undefined ? undefined : addressOf(this.#network, this.user)
  }

  async register(user: string, password: string): Promise<{ user: string; virtualAddress: string }> {
    if (this.#network.accounts.has(user)) throw error('MSG_ERR_NAME_TAKEN', user)
    this.#network.accounts.set(user, password)
    return this.#signIn(user)
  }

  async login(user: string, password?: string): Promise<{ user: string; virtualAddress: string }> {
    if (password === undefined && !this.#network.devices.has(user)) throw error('MSG_ERR_PROFILE_UNKNOWN', user)
    if (password !== undefined && this.#network.accounts.get(user) !== password) throw error('MSG_ERR_SIGN_IN_FAILED')
    return this.#signIn(user)
  }

  async users(options: { connected?: boolean } = {}) {
    this.#require()
    const users = [...this.#network.accounts.keys()].map((user) => ({
      user,
      status: this.#network.signedIn(user) ? ('active' as const) : ('offline' as const),
      virtualAddress: addressOf(this.#network, user),
    }))
    return options.connected ? users.filter(({ status }) => status === 'active') : users
  }

  async rooms() {
    this.#require()
    return [...this.#network.rooms].map(([room, { owner, members }]) => ({ room, owner, members: members.size }))
  }

  async members(room = this.#currentRoom()) {
    const { owner, members } = this.#room(room)
    return {
      room,
      owner,
      members: [...members].map((user) => ({ user, present: this.#network.signedIn(user) !== undefined })),
    }
  }

  async setStatus(status: 'active' | 'inactive'): Promise<void> {
    this.#require()
    this.status = status
  }

  async open(user: string, options: { signal?: AbortSignal } = {}): Promise<{ user: string; present: boolean }> {
    const me = this.#require()
    if (user === me) throw error('MSG_ERR_SELF')
    if (!this.#network.accounts.has(user)) throw error('MSG_ERR_USER_UNKNOWN', user)
    const other = this.#network.signedIn(user)
    if (other === undefined) throw error('MSG_ERR_USER_OFFLINE', user)
    if (other.options.accept !== 'everyone') {
      const answer = await new Promise<ErrorCode | 'yes'>((resolve) => {
        other.#ringing.set(me, resolve)
        options.signal?.addEventListener('abort', () => other.#ringing.delete(me) && resolve('MSG_ERR_CANCELLED'))
        other.requests.push(me)
        other.tell({ type: 'session.request', from: me })
      })
      if (answer !== 'yes') throw error(answer, user)
    } else other.#opened(me)
    this.#opened(user)
    return { user, present: true }
  }

  async accept(user: string, options: { always?: boolean } = {}): Promise<{ user: string }> {
    this.#answer(user, 'yes')
    if (options.always) this.always.push(user)
    this.#opened(user)
    return { user }
  }

  async decline(user: string, options: { reason?: 'declined' | 'busy' } = {}): Promise<{ user: string }> {
    this.#answer(user, options.reason === 'busy' ? 'MSG_ERR_USER_BUSY' : 'MSG_ERR_SESSION_DECLINED')
    return { user }
  }

  async createRoom(room: string): Promise<{ room: string }> {
    const me = this.#require()
    if (this.#network.rooms.has(room)) throw error('MSG_ERR_ROOM_TAKEN', room)
    this.#network.rooms.set(room, { owner: me, members: new Set([me]) })
    this.conversation = { kind: 'room', room }
    return { room }
  }

  async enterRoom(room: string): Promise<{ room: string; owner: string }> {
    const me = this.#require()
    const { owner, members } = this.#room(room)
    for (const member of members) this.#network.signedIn(member)?.tell({ type: 'room.joined', room, user: me })
    members.add(me)
    this.conversation = { kind: 'room', room }
    return { room, owner }
  }

  async closeRoom(name = this.#currentRoom()): Promise<{ room: string }> {
    if (this.#room(name).owner !== this.#require()) throw error('MSG_ERR_NOT_ROOM_OWNER', name)
    this.#network.rooms.delete(name)
    this.conversation = undefined
    return { room: name }
  }

  async leave(options: { conversation?: Conversation; to?: string; force?: boolean } = {}) {
    const left = options.conversation ?? this.conversation
    if (left === undefined) throw error('MSG_ERR_NO_CONVERSATION')
    if (left.kind === 'session') {
      this.#sessions.delete(left.user)
      this.conversation = undefined
      return { left, closed: true }
    }
    const room = this.#room(left.room)
    const isOwner = room.owner === this.user
    if (isOwner && options.to === undefined && !options.force) throw error('MSG_ERR_OWNER_LEAVING', left.room)
    if (isOwner && options.to !== undefined) room.owner = options.to
    if (isOwner && options.to === undefined) this.#network.rooms.delete(left.room)
    this.conversation = undefined
    return { left, closed: isOwner && options.to === undefined }
  }

  async send(text: string, options: { to?: Conversation } = {}): Promise<SentMessage> {
    const me = this.#require()
    const to = options.to ?? this.conversation
    if (to === undefined) throw error('MSG_ERR_NO_CONVERSATION')
    this.#messages += 1
    const id = this.#messages.toString(16).padStart(32, '0')
    const targets = to.kind === 'session' ? [to.user] : [...this.#room(to.room).members].filter((user) => user !== me)
    const room = to.kind === 'room' ? to.room : null
    for (const target of targets) {
      const other = this.#network.signedIn(target)
      if (other === undefined || this.#network.holdsDeliveries) {
        this.waiting += 1
        continue
      }
      other.tell({
        type: 'message',
        from: me,
        text,
        id,
        at: '2026-01-02T03:04:05.000Z',
        room,
        with: room === null ? me : null,
        own: false,
      })
      this.tell({ type: 'message.delivered', id, to: target, room, latencyMs: 0.5 })
    }
    const state: MessageState = this.waiting > 0 ? 'queued' : 'delivered'
    return { id, state, to, recipients: targets }
  }

  async flush(options: { timeoutMs?: number } = {}): Promise<{ waiting: number }> {
    this.flushes.push(options.timeoutMs)
    return { waiting: this.waiting }
  }

  async history({ conversation, text = '', limit = 20 }: HistoryQuery = {}): Promise<HistoryMessage[]> {
    this.#require()
    const key = JSON.stringify(conversation)
    return this.past
      .filter((message) => conversation === undefined || JSON.stringify(placeOf(message)) === key)
      .filter((message) => message.text.includes(text))
      .slice(-limit)
  }

  pastConversations(): Conversation[] {
    this.#require()
    return [...new Set(this.past.map((message) => JSON.stringify(placeOf(message))))].map(
      (key) => JSON.parse(key) as Conversation,
    )
  }

  links(): ReturnType<Client['links']> {
    return { links: this.linked, socket: this.socket, network: this.network }
  }

  transfers(): TransferStatus[] {
    return this.transferring
  }

  async sendFiles(
    user: string | { readonly room: string },
    paths: readonly string[],
    { name }: { name?: string } = {},
  ): Promise<TransferStatus> {
    const to = typeof user === 'string' ? { with: user } : { with: null, room: user.room }
    return this.#transfer({ ...to, direction: 'out', name: name ?? paths.join(' ') })
  }

  async sendStream(user: string, _stream: Readable, { name }: { name: string }): Promise<TransferStatus> {
    return this.#transfer({ with: user, direction: 'out', kind: 'stream', size: null, name })
  }

  async transferContents(id: string): Promise<TransferContents> {
    this.did.push(`contents ${id}`)
    return { entries: this.contents }
  }

  async setTransferLimit(bytesPerSecond: number | null, id?: string): Promise<void> {
    this.did.push(`limit ${bytesPerSecond} ${id ?? 'everything'}`)
  }

  async setTransferPriority(id: string, priority: string): Promise<void> {
    this.did.push(`priority ${id} ${priority}`)
  }

  async acceptTransfer(id: string, { to = '', limit, checkpoint }: ReceiveOptions = {}): Promise<TransferStatus> {
    this.did.push(
      [
        'accept',
        id,
        typeof to === 'string' ? to : '(stream)',
        ...(limit === undefined ? [] : [`limit ${limit}`]),
        ...(checkpoint === undefined ? [] : [`checkpoint ${checkpoint}`]),
      ]
        .join(' ')
        .trim(),
    )
    return this.#transfer({ id, state: 'active' })
  }

  async declineTransfer(id: string): Promise<TransferStatus> {
    this.did.push(`decline ${id}`)
    return this.#transfer({ id, state: 'declined' })
  }

  async pauseTransfer(id: string): Promise<TransferStatus> {
    this.did.push(`pause ${id}`)
    return this.#transfer({ id, state: 'paused' })
  }

  async continueTransfer(id: string): Promise<TransferStatus> {
    this.did.push(`continue ${id}`)
    return this.#transfer({ id, state: 'active' })
  }

  async stopTransfer(id: string): Promise<TransferStatus> {
    this.did.push(`stop ${id}`)
    return this.#transfer({ id, state: 'stopped' })
  }

  #transfer(facts: Partial<TransferStatus>): TransferStatus {
    const known = this.transferring.find(({ id }) => id === facts.id)
    return {
      id: '11'.repeat(16),
      direction: 'in',
      with: 'bob',
      room: null,
      name: 'photo.jpg',
      kind: 'file',
      size: 1_000,
      files: 1,
      bytes: 0,
      rate: 0,
      etaSeconds: null,
      sources: 1,
      via: 'lan',
      state: 'offered',
      ...known,
      ...facts,
    }
  }

  acquaintance(user: string): Acquaintance {
    return {
      met: false,
      contact: this.always.includes(user),
      verified: this.marked.includes(user),
      ...this.known.get(user),
    }
  }

  peers(): PeerStatus[] {
    return [...this.#sessions].map((user) => ({
      user,
      device: 'SHA256:0123456789abcdef',
      verified: this.marked.includes(user),
      state: 'open',
      path: 'lan',
      why: 'same-machine',
      explanation: 'same machine',
      since: new Date(Date.now() - 200_000).toISOString(),
      address: '127.0.0.1:9',
      rttMs: 0.25,
      loss: 0.01,
      bytesRelayed: 0,
      queued: this.waiting,
    }))
  }

  conversations() {
    const all: Conversation[] = [...this.#sessions].map((user) => ({ kind: 'session', user }) as const)
    if (this.conversation?.kind === 'room') all.push(this.conversation)
    return all.map((conversation) => ({
      conversation,
      present: conversation.kind === 'room' || this.#network.signedIn(conversation.user) !== undefined,
      current: JSON.stringify(conversation) === JSON.stringify(this.conversation),
      queued: this.waiting,
    }))
  }

  async verify(user: string, options: { mark?: boolean } = {}) {
    if (!this.#sessions.has(user)) return []
    if (options.mark) this.marked.push(user)
    return [{ device: 'SHA256:device', number: '12345'.repeat(12), verified: this.marked.includes(user) }]
  }

  whoami() {
    const user = this.#require()
    const virtualAddress = addressOf(this.#network, user)
    return { user, virtualAddress, device: 'SHA256:mine', server: this.server.address, status: this.status }
  }

  async *events(): AsyncIterableIterator<ClientEvent> {
    for (;;) {
      const event = this.#queue.shift()
      if (event) yield event
      else if (this.isClosed) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.#network.clients.delete(this)
    this.#wake?.()
  }

  async destroy(): Promise<void> {
    this.isDestroyed = true
    await this.close()
  }

  /** Lets an event happen. */
  tell(event: ClientEvent): void {
    this.#queue.push(event)
    this.#wake?.()
  }

  #signIn(user: string): { user: string; virtualAddress: string } {
    this.user = user
    return { user, virtualAddress: addressOf(this.#network, user) }
  }

  #opened(user: string): void {
    this.#sessions.add(user)
    this.conversation = { kind: 'session', user }
    this.tell({ type: 'session.opened', with: user, present: true })
  }

  #answer(user: string, answer: ErrorCode | 'yes'): void {
    const ringing = this.#ringing.get(user)
    if (ringing === undefined) throw error('MSG_ERR_REQUEST_UNKNOWN', user)
    this.#ringing.delete(user)
    this.requests.splice(this.requests.indexOf(user), 1)
    ringing(answer)
  }

  #room(room: string): { owner: string; members: Set<string> } {
    const found = this.#network.rooms.get(room)
    if (found === undefined) throw error('MSG_ERR_ROOM_UNKNOWN', room)
    return found
  }

  #currentRoom(): string {
    if (this.conversation?.kind === 'room') return this.conversation.room
    throw error('MSG_ERR_NO_CONVERSATION')
  }

  #require(): string {
    if (this.user === undefined) throw error('MSG_ERR_SIGN_IN_REQUIRED')
    return this.user
  }
}

function placeOf({ room, with: user }: HistoryMessage): Conversation {
  return room === null ? { kind: 'session', user: user ?? '' } : { kind: 'room', room }
}

function addressOf(network: FakeNetwork, user: string): string {
  return `100.64.0.${[...network.accounts.keys()].indexOf(user) + 1}`
}

function error(code: ErrorCode, detail?: string): MsgError {
  return new MsgError(code, detail === undefined ? {} : { detail })
}
