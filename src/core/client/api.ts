import type { Readable } from 'node:stream'
import type { Conversation } from '../chat/conversation.ts'
import type { Congestion } from '../transport/congestion/controllers.ts'
import type { PathKind } from '../transport/endpoint-api.ts'
import type { ClientEvent } from './events.ts'
import type { PathReason } from './path-reason.ts'
import type { MappingBehaviour } from '../transport/rendezvous-client.ts'
import type { PluginCommand } from '../plugins/commands.ts'
import type { ConfiguredPlugin, PluginStatus } from '../plugins/define.ts'
import type {
  ReceiveOptions,
  SendOptions,
  TransferContents,
  TransferPriority,
  TransferStatus,
} from '../transfers/api.ts'

export type { ClientEvent } from './events.ts'
export type { PathReason } from './path-reason.ts'
export type { Conversation } from '../chat/conversation.ts'
export type { Congestion } from '../transport/congestion/controllers.ts'

/** Who may open a session without being asked: nobody, people accepted with `always` before, or anybody. */
export type AcceptPolicy = 'ask' | 'contacts' | 'everyone'

/** What {@link createClient} takes. */
export interface ClientOptions {
  /** `host`, `host:port` or `[v6]:port`. @default port 7788 */
  readonly server: string
  /** Expected SPKI-SHA256 fingerprint (`SHA256:` and base64). Without it: trusted on first use, then pinned. */
  readonly fingerprint?: string
  /** PEM of a CA that signs the server's certificate, instead of fingerprints. */
  readonly ca?: string
  /** Where profiles live. @default the XDG data directory, or MSG_DATA_DIR */
  readonly dataDir?: string
  /** @default 'ask' */
  readonly accept?: AcceptPolicy
  /** Keep earlier conversations open when another is opened or entered. @default false */
  readonly keepOpen?: boolean
  /** False for one-shot commands: never rung, never sent messages. @default true */
  readonly listening?: boolean
  /** With `listening: false`: may link with the server all the same, for what plugins download. @default false */
  readonly downloading?: boolean
  /** Congestion control of links: how they share a path with others. @default 'bbr' */
  readonly congestion?: Congestion
  /** Asks the router for a port by which others reach this machine (NAT-PMP, UPnP). @default false */
  readonly mapPort?: boolean
  /**
   * Guesses ports, where one side's router gives every destination another port and the other's does not; both sides have to want it. It costs
   * a burst of up to 1,024 small datagrams a minute while a link is relayed. @default false
   */
  readonly guessPorts?: boolean
  /** Reconnect by itself when the server goes. @default true */
  readonly reconnect?: boolean
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal
  /** Client halves of plugins; one that does not start is told as a `warning` and left out. */
  readonly plugins?: readonly ConfiguredPlugin[]
  /** Names of the prompt's own commands, which plugins must not take. @default none */
  readonly promptCommands?: readonly string[]
  /** Asks whoever is there, for plugins; `details` are said first. Without it there is nobody to ask. */
  readonly confirm?: (
    question: string,
    options: { readonly plugin: string; readonly details: readonly string[]; readonly signal: AbortSignal },
  ) => Promise<boolean>
}

export type MessageState = 'queued' | 'sent' | 'delivered'

/** What `send` answers: the message is in the durable outbox. */
export interface SentMessage {
  /** 32 hex digits, unique. */
  readonly id: string
  readonly state: MessageState
  readonly to: Conversation
  /** Users it goes to. */
  readonly recipients: readonly string[]
}

/** One message of the local history. */
export interface HistoryMessage {
  readonly id: string
  readonly from: string
  readonly text: string
  /** Sender's clock, ISO 8601 in UTC. */
  readonly at: string
  /** Null in a session. */
  readonly room: string | null
  /** The other user of the session, null in a room. */
  readonly with: string | null
  /** Written by this user, here or on another connection. */
  readonly own: boolean
}

/** What {@link Client.history} looks for. */
export interface HistoryQuery {
  /** Only this conversation; all when absent. */
  readonly conversation?: Conversation
  /** Only messages that contain this text, in upper or lower case. */
  readonly text?: string
  /** At most so many, the newest; 1 to 1,000. @default 20 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** What a profile knows of another user. */
export interface Acquaintance {
  /** A link to one of their devices was open before. */
  readonly met: boolean
  /** They were accepted with `always`. */
  readonly contact: boolean
  /** A person compared safety numbers with one of their devices. */
  readonly verified: boolean
}

/** Which way a link goes, why, and how well. */
export interface PathStatus {
  readonly path: PathKind
  /** Why, for programs; and the same for people: a clause without a capital or a full stop. */
  readonly why: PathReason
  readonly explanation: string
  /** When the link took this kind of path, ISO 8601 in UTC. */
  readonly since: string
  /** `host:port` that datagrams go to: the peer's, or the relay's. */
  readonly address: string
  /** Smoothed round-trip time, milliseconds; null before the first sample. */
  readonly rttMs: number | null
  /** Share of packets lost since the link opened, 0 to 1. */
  readonly loss: number
  /** Of what was sent and received since the link opened, bytes that went through the relay. */
  readonly bytesRelayed: number
}

/** Where there is no open link, nothing is known of its path: null, and 0 for the counts. */
export type MaybePathStatus = {
  readonly [K in keyof PathStatus]: K extends 'loss' | 'bytesRelayed' ? number : PathStatus[K] | null
}

/** One other connection this client is linked to, or tries to be. */
export interface PeerStatus extends MaybePathStatus {
  readonly user: string
  /** `SHA256:` fingerprint of the peer's device key. */
  readonly device: string
  readonly verified: boolean
  readonly state: 'connecting' | 'open' | 'closed'
  /** Messages that wait for this user. */
  readonly queued: number
}

/** What an open link measures of itself. Counts are since it opened; rates are bits per second, `null` while unknown. */
export interface LinkStatus extends PathStatus {
  readonly user: string
  /** `SHA256:` fingerprint of the peer's device key. */
  readonly device: string
  /** Smallest round-trip time, milliseconds; null before the first sample. */
  readonly minRttMs: number | null
  readonly packetsSent: number
  readonly packetsReceived: number
  /** Packets given up, and those of them that arrived after all. */
  readonly packetsLost: number
  readonly packetsSpurious: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Name of the congestion controller, its window, and what is in flight, bytes. */
  readonly congestion: string
  readonly cwnd: number
  readonly bytesInFlight: number
  /** Largest datagram sent now, bytes of UDP payload. */
  readonly datagramSize: number
  /** How fast the path delivered when it was last kept busy. */
  readonly deliveryBps: number | null
  /** How fast datagrams may leave. */
  readonly pacingBps: number | null
  /** Key updates so far. */
  readonly keyUpdates: number
}

/** What the system gave the client's UDP socket to hold datagrams, bytes. */
export interface SocketStatus {
  readonly receiveBuffer: number
  readonly sendBuffer: number
  /** What was asked for, in each direction. */
  readonly wanted: number
  /** What to do about a receive buffer far below that, for people; null when it is fine. */
  readonly hint: string | null
}

/** How the server sees this machine's UDP socket. */
export interface NetworkStatus {
  /** What stands between: {@link MappingBehaviour}. */
  readonly mapping: MappingBehaviour
  /** `host:port` that the server sees; null before its first answer, and while no UDP comes through. */
  readonly address: string | null
}

/** A signed-in (or not yet signed-in) user of one server. Every method rejects with a `MsgError`. */
export interface Client {
  readonly server: {
    readonly name: string
    readonly address: string
    readonly fingerprint: string
    readonly firstUse: boolean
  }
  readonly user: string | undefined
  readonly virtualAddress: string | undefined
  /** False while the server is away; links and the outbox work meanwhile. */
  readonly connected: boolean
  /** Where `send` goes now. */
  readonly conversation: Conversation | undefined
  /** Users whose request waits for an answer, oldest first. */
  readonly requests: readonly string[]

  register(user: string, password: string): Promise<{ user: string; virtualAddress: string }>
  /** Without a password the profile's device key signs in. */
  login(user: string, password?: string): Promise<{ user: string; virtualAddress: string }>
  users(options?: {
    connected?: boolean
  }): Promise<Array<{ user: string; status: 'active' | 'offline'; virtualAddress: string }>>
  rooms(): Promise<Array<{ room: string; owner: string; members: number }>>
  /** Who is in a room, the current one unless named. @throws MSG_ERR_NO_CONVERSATION, MSG_ERR_ROOM_UNKNOWN */
  members(room?: string): Promise<{ room: string; owner: string; members: Array<{ user: string; present: boolean }> }>
  setStatus(status: 'active' | 'inactive'): Promise<void>
  readonly status: 'active' | 'inactive'

  /** Asks `user` (name or virtual address) and waits for the answer. @throws MSG_ERR_SESSION_DECLINED, MSG_ERR_USER_BUSY, MSG_ERR_TIMEOUT, … */
  open(user: string, options?: { signal?: AbortSignal }): Promise<{ user: string; present: boolean }>
  /** @param options.always - remember, so that policy `contacts` accepts them by itself from now on. */
  accept(user: string, options?: { always?: boolean }): Promise<{ user: string }>
  decline(user: string, options?: { reason?: 'declined' | 'busy' }): Promise<{ user: string }>
  createRoom(room: string): Promise<{ room: string }>
  enterRoom(room: string): Promise<{ room: string; owner: string }>
  closeRoom(room?: string): Promise<{ room: string }>
  /** Leaves the current conversation, or the named one. `to` hands a room over. @throws MSG_ERR_OWNER_LEAVING unless `force` */
  leave(options?: {
    conversation?: Conversation
    to?: string
    force?: boolean
  }): Promise<{ left: Conversation; closed: boolean }>

  /** Puts a message into the durable outbox and sends it. `to` defaults to the current conversation. */
  send(text: string, options?: { to?: Conversation }): Promise<SentMessage>
  /** Resolves when nothing waits for acknowledgement; the number that still waits when `timeoutMs` has passed. */
  flush(options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<{ waiting: number }>

  /** What was said, oldest first: kept on this device only. @throws MSG_ERR_USAGE for a limit out of range, MSG_ERR_CANCELLED */
  history(query?: HistoryQuery): Promise<HistoryMessage[]>
  /** Every conversation with messages in the local history. */
  pastConversations(): Conversation[]

  /**
   * Offers files and folders to a user or a room, who are asked; resolves when the offer is durable. It goes out with the next link, and the transfer goes on by
   * itself after whatever breaks it. What goes to a room is read and hashed first, so that members can fetch it from each other.
   *
   * @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_LIMIT, MSG_ERR_SELF, MSG_ERR_NOT_ROOM_MEMBER
   */
  sendFiles(
    to: string | { readonly room: string },
    paths: readonly string[],
    options?: SendOptions,
  ): Promise<TransferStatus>
  /** Offers what a stream brings: once, in order, without a second try. */
  sendStream(to: string, stream: Readable, options: SendOptions & { readonly name: string }): Promise<TransferStatus>
  /** Every transfer of this process and those it took over, oldest first. */
  transfers(): TransferStatus[]
  /** What is in an offer, fetched from whoever made it. @throws MSG_ERR_TRANSFER_UNKNOWN, MSG_ERR_LINK_CLOSED, MSG_ERR_TIMEOUT */
  transferContents(id: string): Promise<TransferContents>
  /** Receives what was offered, or goes on with what was stopped. @throws MSG_ERR_TRANSFER_UNKNOWN; MSG_ERR_USAGE for a folder or a room's file into a stream */
  acceptTransfer(id: string, options?: ReceiveOptions): Promise<TransferStatus>
  declineTransfer(id: string): Promise<TransferStatus>
  pauseTransfer(id: string): Promise<TransferStatus>
  continueTransfer(id: string): Promise<TransferStatus>
  /** Ends it; what was received is kept for a later `acceptTransfer`. */
  stopTransfer(id: string): Promise<TransferStatus>
  /** @param bytesPerSecond - null for no limit. @param id - without it, of everything that this client sends. */
  setTransferLimit(bytesPerSecond: number | null, id?: string): Promise<void>
  /** Which of what this client sends goes first. @throws MSG_ERR_TRANSFER_UNKNOWN */
  setTransferPriority(id: string, priority: TransferPriority): Promise<void>

  /** What this profile knows of `user`; nothing when the two have never met. @throws MSG_ERR_NAME_INVALID */
  acquaintance(user: string): Acquaintance

  /** Somebody typed something: plugins that tell who is away hear of it. Programs without a person never call it. */
  noteInput(): void

  /** What the plugins of this client add to the prompt. */
  readonly commands: readonly PluginCommand[]
  /** What each plugin has registered, and how it fares. */
  plugins(): PluginStatus[]

  peers(): PeerStatus[]
  /**
   * Every open link's numbers, the one with the server as user `@server`, the socket's, and how the server sees that; `socket` and `network`
   * are null before signing in and where there is no UDP.
   */
  links(): { links: LinkStatus[]; socket: SocketStatus | null; network: NetworkStatus | null }
  conversations(): Array<{ conversation: Conversation; present: boolean; current: boolean; queued: number }>
  /** Safety numbers of `user`'s linked devices, 60 digits each; `mark` records that a person compared them. */
  verify(
    user: string,
    options?: { mark?: boolean },
  ): Promise<Array<{ device: string; number: string; verified: boolean }>>
  whoami(): { user: string; virtualAddress: string; device: string; server: string; status: 'active' | 'inactive' }

  /** Every event from now on. The queue is bounded; a consumer that falls behind by 65,536 events ends with MSG_ERR_LIMIT. */
  events(): AsyncIterableIterator<ClientEvent>
  /** Signs out, leaves what is open, tells the peers. What is unacknowledged stays in the outbox. */
  close(): Promise<void>
  /** Goes at once, as a crash would: sessions and rooms are kept for the next sign-in. */
  destroy(): Promise<void>
}
