import type { TransferEvent } from '../transfers/api.ts'
import type { OutputOf, Schema } from './schema.ts'

/** Which half of a plugin. */
export type Side = 'client' | 'server'

/** What travels one way: its schema, and how much of it there may be. */
export interface Content<S extends Schema = Schema> {
  /** Any Standard Schema (valibot, zod, arktype, …); must validate synchronously. */
  readonly schema: S
  /** Largest payload as JSON, in bytes of UTF-8; checked before the schema sees it. At most 61,440. */
  readonly maxBytes: number
}

/** One message that a plugin sends over the control channel. */
export interface MessageSpec<
  From extends Side = Side,
  S extends Schema = Schema,
  A extends Schema = Schema,
> extends Content<S> {
  /** The side that sends it. The other side handles it. */
  readonly from: From
  /** What the handler answers; without one the answer is only that it was handled. A message of the server has none. */
  readonly answer?: Content<A>
}

/** Describes one message; see {@link MessageSpec}. */
export function message<const F extends Side, S extends Schema, A extends Schema = Schema<undefined>>(
  spec: MessageSpec<F, S, A>,
): MessageSpec<F, S, A> {
  return spec
}

/** The messages of a protocol, by name. */
export type MessageMap = Readonly<Record<string, MessageSpec>>

/** What both halves of a plugin agree on. Lives in a file of its own that imports neither half. */
export interface Protocol<M extends MessageMap = MessageMap> {
  /** Names the plugin on the wire, in configuration and in events: `[a-z][a-z0-9-]{1,31}`. */
  readonly id: string
  /** A whole number from 1 on, raised on any incompatible change: halves with different ones do not talk. */
  readonly version: number
  readonly messages: M
}

/** @throws TypeError for an id, a version or a limit that cannot be. */
export function defineProtocol<const M extends MessageMap>(protocol: Protocol<M>): Protocol<M> {
  const { id, version, messages } = protocol
  if (!PLUGIN_ID.test(id)) throw new TypeError(`“${id}” is no id of a plugin`)
  if (!Number.isSafeInteger(version) || version < 1) throw new TypeError(`protocol ${id}: its version is ${version}`)
  for (const [name, { maxBytes, answer, from }] of Object.entries(messages)) {
    if (!MESSAGE_NAME.test(name)) throw new TypeError(`protocol ${id}: “${name}” is no name of a message`)
    if (from === 'server' && answer) throw new TypeError(`protocol ${id}: ${name} is the server's, and has an answer`)
    for (const limit of [maxBytes, answer?.maxBytes ?? 1])
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAYLOAD)
        throw new TypeError(`protocol ${id}: ${name} may hold 1 to ${MAX_PAYLOAD} bytes, not ${limit}`)
  }
  return Object.freeze(protocol)
}

/** Payload of message `K` of protocol `P`. */
export type Payload<P extends Protocol, K extends keyof P['messages']> = OutputOf<P['messages'][K]['schema']>
/** What the handler of message `K` answers. */
export type Answer<P extends Protocol, K extends keyof P['messages']> =
  P['messages'][K] extends MessageSpec<Side, Schema, infer A> ? OutputOf<A> : undefined
/** Names of the messages that side `F` sends. */
export type SentBy<P extends Protocol, F extends Side> = {
  [K in keyof P['messages']]: P['messages'][K]['from'] extends F ? K : never
}[keyof P['messages']] &
  string

/** Everything a plugin registers goes through its scope and is undone when the scope closes. */
export interface Scope {
  /** Aborted when the plugin stops. Pass it to every timer, fetch and child process. */
  readonly signal: AbortSignal
  /** Runs at the stop, last registered first; awaited. */
  onClose(fn: () => void | Promise<void>): void
}

/** Members of a plugin's events and answers, as JSON has them. */
export type Facts = Readonly<Record<string, string | number | boolean | null>>

/** One signed-in connection, as the server half sees it. The same while its client reconnects. */
export interface Session {
  readonly id: string
  /** As it was registered. */
  readonly user: string
}

/** A {@link Session} whose client has the plugin too. */
export interface PluginSession<P extends Protocol> extends Session {
  /** Writes it to the connection; what becomes of it is not told. @throws MSG_ERR_CONNECTION_CLOSED, MSG_ERR_LIMIT */
  send<K extends SentBy<P, 'server'>>(name: K, payload: Payload<P, K>): void
}

/** What a server tells plugins; all of kind `notify`: each is told, and one that throws changes nothing for the others. */
export interface ServerHooks {
  /** notify. A client with this plugin signed in, or is back. */
  'session:open': (session: Session) => void
  /** notify. Its control connection is over. */
  'session:close': (session: Session) => void
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
    session: Session,
    content: {
      readonly id: string
      readonly path: string
      readonly name: string
      /** Leaves out what begins with a dot. @default false */
      readonly skipHidden?: boolean
    },
  ): Promise<{ readonly kind: 'file' | 'folder'; readonly size: number; readonly files: number }>
  /** What happens to contents that this server sends; `with` of the events is the session's id. */
  onEvent(fn: (event: TransferEvent, session: Session) => void): void
}

/** What the server half works with. */
export interface ServerScope<P extends Protocol> extends Scope {
  /** One handler for each message. What it throws is answered to the sender, and ends nothing. */
  handle<K extends SentBy<P, 'client'>>(
    name: K,
    fn: (payload: Payload<P, K>, session: PluginSession<P>) => Answer<P, K> | Promise<Answer<P, K>>,
  ): void
  hook<K extends keyof ServerHooks>(name: K, fn: ServerHooks[K]): void
  /** Signed-in connections whose clients have this plugin. */
  sessions(): Iterable<PluginSession<P>>
  /** Tells the server's console, and `--json` as an event of type `plugin`. @param text - one line for people; it is escaped. */
  event(name: string, text: string, facts?: Facts): void
  /** Opens the server's end of links when it is first asked for. */
  readonly transfers: ServerTransfers
}

/** What {@link ClientTransfers.download} takes. */
export interface DownloadOptions {
  /** Asks the server for an offer under `id`; called again whenever the server is back. @returns what is going to be sent */
  readonly request: (id: string) => Promise<{ readonly name: string; readonly size: number }>
  /** Folder it lands in. @default the current one */
  readonly to?: string | undefined
  /** Bytes per second. @default as fast as it goes */
  readonly limit?: number | undefined
  /** Share of the content, 0 to 1, at which `onCheckpoint` is asked. */
  readonly checkpoint?: number | undefined
  /** @returns false to stop: what has arrived is kept. @default goes on */
  readonly onCheckpoint?: ((at: { readonly bytes: number; readonly size: number }) => Promise<boolean>) | undefined
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

/** One word that a {@link PluginCommand} takes, or one `--option`. */
export interface CommandWord {
  readonly name: string
  /** @default false */
  readonly optional?: boolean
  /** Takes the rest of the line as it is. Only the last one may. */
  readonly rest?: boolean
}

/** What a {@link PluginCommand} was given. */
export interface CommandValues {
  text(name: string): string
  optional(name: string): string | undefined
  has(name: string): boolean
}

/** What surrounds a command while it runs. */
export interface CommandContext {
  /** Aborted when the session ends. */
  readonly signal: AbortSignal
  /** Asks a person; `undefined` where there is none. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined
}

/** A command that the plugin adds to the prompt of `msg client connect`. */
export interface PluginCommand<F extends object = object> {
  readonly name: string
  /** One line of help, without a full stop. */
  readonly summary: string
  readonly arguments?: readonly CommandWord[]
  /** `value` names what follows an option; one without is a switch. */
  readonly options?: Readonly<Record<string, { readonly value?: string }>>
  /** On a terminal it runs beside what is typed next. */
  readonly background?: boolean
  /** @returns what `--json` prints of it */
  run(values: CommandValues, context: CommandContext): Promise<F>
  /** Says it for people; what came from others must be escaped. @param visible - does that */
  text(fields: F, visible: (text: string) => string): readonly string[]
}

/** What the client half works with. */
export interface ClientScope<P extends Protocol> extends Scope {
  handle<K extends SentBy<P, 'server'>>(name: K, fn: (payload: Payload<P, K>) => void | Promise<void>): void
  /** Sends a message and waits for its answer. @throws what the server's handler threw; MSG_ERR_PLUGIN_MISSING, MSG_ERR_SIGN_IN_REQUIRED */
  request<K extends SentBy<P, 'client'>>(name: K, payload: Payload<P, K>): Promise<Answer<P, K>>
  command<F extends object>(command: PluginCommand<F>): void
  readonly transfers: ClientTransfers
}

/** One half of a plugin. */
export interface PluginHalf<Sc extends Scope, P extends Protocol, O> {
  readonly protocol: P
  /** Validated once, before `setup`. */
  readonly options?: Schema<unknown, O>
  setup(scope: Sc, options: O): void | Promise<void>
}

/** Some half, whatever its protocol: what hosts are given. */
export interface AnyPlugin {
  readonly protocol: Protocol
  readonly options?: Schema<unknown, unknown>
  setup(scope: never, options: never): void | Promise<void>
}

/** A half with what configuration says to it. */
export interface ConfiguredPlugin {
  readonly plugin: AnyPlugin
  readonly options?: unknown
}

/** The half that runs in the server. */
export type ServerPlugin<P extends Protocol = Protocol, O = unknown> = PluginHalf<ServerScope<P>, P, O>
/** The half that runs in the client: `setup` is called once for each client. */
export type ClientPlugin<P extends Protocol = Protocol, O = unknown> = PluginHalf<ClientScope<P>, P, O>

/** @returns it, with its types found. */
export const defineServerPlugin = <P extends Protocol, O = undefined>(plugin: ServerPlugin<P, O>): ServerPlugin<P, O> =>
  plugin
/** @returns it, with its types found. */
export const defineClientPlugin = <P extends Protocol, O = undefined>(plugin: ClientPlugin<P, O>): ClientPlugin<P, O> =>
  plugin

/** The `msg` key of a plugin's package.json, next to its `oclif` key. */
export interface PluginManifest {
  readonly api: 1
  /** Paths of modules whose default export is the half. */
  readonly server?: string
  readonly client?: string
}

const PLUGIN_ID = /^[a-z][a-z0-9-]{1,31}$/
const MESSAGE_NAME = /^[a-z][a-zA-Z0-9.-]{0,31}$/
/** A line of the control channel less its envelope, bytes. */
const MAX_PAYLOAD = 61_440
