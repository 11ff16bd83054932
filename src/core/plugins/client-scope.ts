import type { TransferEvent } from '../transfers/api.ts'
import type { PluginCommand } from './commands.ts'
import type { ClientHooks } from './hooks.ts'
import type { Answer, AskedBy, From, Payload, Protocol, SentBy } from './protocol.ts'
import type { PluginStream, Scope } from './scope-api.ts'

/** What {@link ClientTransfers.download} takes. */
export interface DownloadOptions {
  /** Asks the server for an offer under `id`; called again whenever the server is back. @returns what is going to be sent */
  readonly request: (id: string) => Promise<{ readonly name: string; readonly size: number }>
  /** Folder it lands in. @default the current one */
  readonly to?: string | undefined
  /** Bytes per second. @default as fast as it goes */
  readonly limit?: number | undefined
  /** Share of the content, 0 to 1, at which it pauses and tells `transfer.checkpoint`: whoever is at the terminal is asked, and says go on or stop. @default none */
  readonly checkpoint?: number | undefined
  /** Stops it; what has arrived is kept. */
  readonly signal?: AbortSignal | undefined
}

/** Contents that the client fetches from its server. */
export interface ClientTransfers {
  /**
   * Downloads what `request` makes the server offer; goes on by itself after whatever breaks the link or the server, and from what an earlier
   * download of the same content has left in that folder.
   *
   * @throws MSG_ERR_TRANSFER_STOPPED, MSG_ERR_TRANSFER_CHANGED, MSG_ERR_TRANSFER_INTEGRITY, MSG_ERR_TRANSFER_NO_SPACE, and what `request` throws
   */
  download(options: DownloadOptions): Promise<Extract<TransferEvent, { type: 'transfer.done' }>>
}

/** Who is at the other end of a stream. */
export interface StreamPeer {
  readonly user: string
  /** `SHA256:` fingerprint of the device's key. */
  readonly device: string
  /** The device's Ed25519 public key, base64url. */
  readonly deviceKey: string
  /** A person compared safety numbers with this device. */
  readonly verified: boolean
  /** Another connection of this client's own user. */
  readonly isOwn: boolean
}

/** Streams over links: to other people's clients, which the server never sees, and to the server. */
export interface ClientStreams {
  /**
   * Opens a stream to a connection of somebody this user is in a conversation with; waits for a link for at most 10 s.
   *
   * @throws MSG_ERR_SESSION_UNKNOWN without a conversation, MSG_ERR_LINK_CLOSED, MSG_ERR_PLUGIN_MISSING when the other side has no such plugin or
   * accepts no streams (the stream ends with it), MSG_ERR_CANCELLED
   */
  open(user: string, options?: { readonly signal?: AbortSignal }): Promise<PluginStream<StreamPeer>>
  /** Opens a stream to the plugin's server half. @throws as `open` */
  openServer(options?: { readonly signal?: AbortSignal }): Promise<PluginStream<undefined>>
  /** Other clients' plugins open streams to this one from now on. What `fn` throws or rejects with ends the stream. One `fn` only */
  accept(fn: (stream: PluginStream<StreamPeer>) => void | Promise<void>): void
}

/** What {@link ClientScope.confirm} may be given. */
export interface ConfirmOptions {
  /** Said before the question, line by line; escaped. */
  readonly details?: readonly string[]
  /** Takes the question back: the answer is no. */
  readonly signal?: AbortSignal
  /** Milliseconds after which the answer is no. @default as long as it takes */
  readonly timeoutMs?: number
}

/** What the client half works with. */
export interface ClientScope<P extends Protocol> extends Scope {
  /** One handler for each message. What it throws is answered to the server where it asked, and ends nothing. It has 10 s. */
  handle<K extends From<P, 'server'>>(
    name: K,
    fn: (payload: Payload<P, K>) => Answer<P, K> | Promise<Answer<P, K>>,
  ): void
  hook<K extends keyof ClientHooks>(name: K, fn: ClientHooks[K]): void
  /** Sends a message; resolves when the server's handler has taken it. @throws as `request` */
  send<K extends SentBy<P, 'client'>>(name: K, payload: Payload<P, K>): Promise<void>
  /** Sends a message and waits for its answer. @throws what the server's handler threw; MSG_ERR_PLUGIN_MISSING, MSG_ERR_SIGN_IN_REQUIRED */
  request<K extends AskedBy<P, 'client'>>(name: K, payload: Payload<P, K>): Promise<Answer<P, K>>
  /** Adds a command to the prompt of `msg client connect`. @throws TypeError when there is one of this name already */
  command<F extends object>(command: PluginCommand<F>): void
  /** Asks whoever is at the terminal; the answer is no unless they say yes. @returns `undefined` where there is nobody to ask */
  confirm(question: string, options?: ConfirmOptions): Promise<boolean | undefined>
  /** Who is signed in here, on which device; `undefined` before. */
  self(): { readonly user: string; readonly device: string; readonly deviceKey: string } | undefined
  /** Signs with this device's key, for this plugin's peers only: what is signed is told apart from whatever else the key signs. @returns 64 bytes. @throws MSG_ERR_SIGN_IN_REQUIRED */
  sign(bytes: Uint8Array): Uint8Array
  /** True when `sign` of the same plugin made it on the device with this key, base64url. */
  isSignedBy(deviceKey: string, bytes: Uint8Array, signature: Uint8Array): boolean
  readonly transfers: ClientTransfers
  readonly streams: ClientStreams
}
