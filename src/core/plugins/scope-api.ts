import type { Duplex } from 'node:stream'

/** Everything a plugin registers goes through its scope and is undone when the scope closes. */
export interface Scope {
  /** Aborted when the plugin stops. Pass it to every fetch and child process. */
  readonly signal: AbortSignal
  readonly log: PluginLog
  readonly metrics: PluginMetrics
  readonly timers: PluginTimers
  readonly storage: PluginStorage
  /** Runs at the stop, last registered first; awaited for at most 5 s. */
  onClose(fn: () => void | Promise<void>): void
  /** Tells people and programs: at the console or prompt, and in `--json` as an event of type `plugin`. @param text - one line for people; it is escaped. '' tells programs only */
  event(name: string, text: string, facts?: Facts): void
}

/** Members of a plugin's events, log lines and answers, as JSON has them. */
export type Facts = Readonly<Record<string, Fact | readonly Fact[]>>
/** One value of {@link Facts}. */
export type Fact = string | number | boolean | null

/** Where a plugin says what its author wants to know; `--debug` shows it, and the diagnostics channel `msg:plugin-log` carries it. */
export interface PluginLog {
  debug(message: string, facts?: Facts): void
  info(message: string, facts?: Facts): void
  warn(message: string, facts?: Facts): void
}

/** Numbers that `msg server status` and `msg plugins inspect` show. At most 64 names of a plugin. */
export interface PluginMetrics {
  /** Only grows. @param name - `[a-z][a-z0-9_]*`. @param help - one line */
  counter(name: string, help: string): { add(amount?: number): void }
  gauge(name: string, help: string): { set(value: number): void }
}

/** Timers that end with the scope. What a callback throws is told as the plugin's fault. */
export interface PluginTimers {
  /** Milliseconds since 1970. */
  now(): number
  /** @param ms - milliseconds, at most 2^31 - 1. @returns cancels it */
  after(ms: number, fn: () => void | Promise<void>): () => void
  /** Not called again before the call before it has ended. @param ms - milliseconds, at least 1. @returns ends it */
  every(ms: number, fn: () => void | Promise<void>): () => void
}

/**
 * Values by key, kept in a file of the plugin's own: on a server with its data, in a client with the profile of who is signed in.
 * Writes are on disk when the promise resolves.
 *
 * @throws MSG_ERR_LIMIT for a key over 256 bytes, a value over 65,536 bytes of JSON, and over 64 MiB in all; MSG_ERR_STORAGE_FAILED; in a
 * client MSG_ERR_SIGN_IN_REQUIRED before it is signed in
 */
export interface PluginStorage {
  /** @returns `undefined` for a key that is not there. Its shape is whatever an older version of the plugin put: check it */
  get(key: string): Promise<unknown>
  /** @param value - what JSON can hold. */
  put(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
  /** In the order of keys. @param query.after - the last key of the page before. @param query.limit - 1 to 1,000. @default 100 */
  list(query?: {
    readonly prefix?: string
    readonly after?: string
    readonly limit?: number
  }): Promise<ReadonlyArray<{ readonly key: string; readonly value: unknown }>>
}

/** One stream of a link: bytes both ways, in order, encrypted, each direction with its own end. Destroying it gives up both. */
export interface PluginStream<Peer> extends Duplex {
  readonly peer: Peer
}
