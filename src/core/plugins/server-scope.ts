import type { TransferEvent } from '../transfers/api.ts'
import type { PluginCommand } from './commands.ts'
import type { ServerHooks } from './hooks.ts'
import type { Answer, AskedBy, From, Payload, Protocol, SentBy } from './protocol.ts'
import type { PluginStream, Scope } from './scope-api.ts'
import type { Session } from './session.ts'

/** A {@link Session} whose client has the plugin too. */
export interface PluginSession<P extends Protocol> extends Session {
  /** Writes it to the connection; what becomes of it is not told. @throws MSG_ERR_CONNECTION_CLOSED, MSG_ERR_LIMIT when its client is not reading */
  send<K extends SentBy<P, 'server'>>(name: K, payload: Payload<P, K>): void
  /**
   * Sends a message and waits for its answer.
   *
   * @param options.timeoutMs - milliseconds it may take, at most 30,000. @default 30,000
   * @throws what the client's handler threw; MSG_ERR_CONNECTION_CLOSED, MSG_ERR_TIMEOUT, MSG_ERR_LIMIT when 32 are unanswered
   */
  request<K extends AskedBy<P, 'server'>>(
    name: K,
    payload: Payload<P, K>,
    options?: { readonly timeoutMs?: number },
  ): Promise<Answer<P, K>>
}

/** Contents that the server sends over links, to those who asked over the control channel. */
export interface ServerTransfers {
  /**
   * Offers a file or folder to one connection under the id that it chose; its client, which expects that id, begins by itself. Asked for again,
   * an offer is repeated, which is how a download goes on after a restart.
   *
   * @param content.path - on this machine; what it may be is the plugin's to decide.
   * @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_LIMIT, MSG_ERR_LINK_CLOSED when that connection has asked for no link.
   */
  offer(
    session: Pick<Session, 'id'>,
    content: {
      readonly id: string
      readonly path: string
      readonly name: string
      /** Leaves out what begins with a dot. @default false */
      readonly skipHidden?: boolean
    },
  ): Promise<{ readonly kind: 'file' | 'folder'; readonly size: number; readonly files: number }>
  /** What happens to contents that this server sends; `with` of the events is the session's id. */
  onEvent(fn: (event: TransferEvent, session: Pick<Session, 'id' | 'user'>) => void): void
}

/** Streams over the server's end of links. */
export interface ServerStreams<P extends Protocol> {
  /** Clients open streams to this plugin from now on. What `fn` throws or rejects with ends the stream. One `fn` only */
  accept(fn: (stream: PluginStream<PluginSession<P>>) => void | Promise<void>): void
}

/** What the server half works with. */
export interface ServerScope<P extends Protocol> extends Scope {
  /** One handler for each message. What it throws is answered to the sender, and ends nothing. It has 10 s. */
  handle<K extends From<P, 'client'>>(
    name: K,
    fn: (payload: Payload<P, K>, session: PluginSession<P>) => Answer<P, K> | Promise<Answer<P, K>>,
  ): void
  hook<K extends keyof ServerHooks>(name: K, fn: ServerHooks[K]): void
  /** Signed-in connections whose clients have this plugin. */
  sessions(): Iterable<PluginSession<P>>
  /** Every signed-in connection. */
  everybody(): Iterable<Session>
  /** Adds a command to the server's console. @throws TypeError when the plugin has one of this name */
  command<F extends object>(command: PluginCommand<F>): void
  /** Opens the server's end of links when it is first asked for, which must be during `setup`. */
  readonly transfers: ServerTransfers
  /** As `transfers`. */
  readonly streams: ServerStreams<P>
}
