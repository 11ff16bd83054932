import { isPluginId } from '../wire/plugin-id.ts'
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

/** A message of a plugin that is only said: `send`. Over the control channel, as every message. */
export interface SentMessage<F extends Side = Side, S extends Schema = Schema> extends Content<S> {
  /** The side that sends it. The other side handles it. */
  readonly from: F
  readonly answer?: undefined
  /** How long its handler may take, milliseconds: 1 to 25,000. @default 10,000 */
  readonly timeoutMs?: number
}

/** A message of a plugin that is answered: `request`. */
export interface AskedMessage<
  F extends Side = Side,
  S extends Schema = Schema,
  A extends Schema = Schema,
> extends Content<S> {
  readonly from: F
  /** What the handler answers. */
  readonly answer: Content<A>
  readonly timeoutMs?: number
}

/** One message of a plugin. */
export type MessageSpec = SentMessage | AskedMessage

/** Describes one message, with its types found. */
export function message<const F extends Side, S extends Schema, A extends Schema>(
  spec: AskedMessage<F, S, A>,
): AskedMessage<F, S, A>
export function message<const F extends Side, S extends Schema>(spec: SentMessage<F, S>): SentMessage<F, S>
export function message(spec: MessageSpec): MessageSpec {
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
  checkProtocol(protocol)
  return Object.freeze(protocol)
}

/** What clients and servers check of each other too. @throws TypeError */
export function checkProtocol({ id, version, messages }: Protocol): void {
  if (!isPluginId(id)) throw new TypeError(`“${id}” is no id of a plugin`)
  if (!Number.isSafeInteger(version) || version < 1 || version > MAX_VERSION)
    throw new TypeError(`protocol ${id}: its version is ${version}`)
  for (const [name, { maxBytes, answer, timeoutMs = HANDLER_MS }] of Object.entries(messages)) {
    if (!MESSAGE_NAME.test(name)) throw new TypeError(`protocol ${id}: “${name}” is no name of a message`)
    if (!(timeoutMs >= 1 && timeoutMs <= MAX_HANDLER_MS))
      throw new TypeError(`protocol ${id}: the handler of ${name} has 1 to ${MAX_HANDLER_MS} ms, not ${timeoutMs}`)
    for (const limit of [maxBytes, answer?.maxBytes ?? 1])
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAYLOAD)
        throw new TypeError(`protocol ${id}: ${name} may hold 1 to ${MAX_PAYLOAD} bytes, not ${limit}`)
  }
}

/** Payload of message `K` of protocol `P`. */
export type Payload<P extends Protocol, K extends keyof P['messages']> = OutputOf<P['messages'][K]['schema']>
/** What the handler of message `K` answers; nothing for a message that is sent. */
export type Answer<P extends Protocol, K extends keyof P['messages']> =
  P['messages'][K]['answer'] extends Content<infer A> ? OutputOf<A> : void
/** Names of the messages that side `F` sends. */
export type From<P extends Protocol, F extends Side> = {
  [K in keyof P['messages']]: P['messages'][K]['from'] extends F ? K : never
}[keyof P['messages']] &
  string
/** Those of them that are answered: `request`. */
export type AskedBy<P extends Protocol, F extends Side> = {
  [K in From<P, F>]: P['messages'][K]['answer'] extends Content ? K : never
}[From<P, F>]
/** Those of them that are not: `send`. */
export type SentBy<P extends Protocol, F extends Side> = Exclude<From<P, F>, AskedBy<P, F>>

/** How long a handler may take unless its message says otherwise, milliseconds. */
export const HANDLER_MS = 10_000
/** Less than requests wait, so that the sender hears what became of it, milliseconds. */
const MAX_HANDLER_MS = 25_000
const MESSAGE_NAME = /^[a-z][a-zA-Z0-9.-]{0,31}$/
const MAX_VERSION = 999
/** A line of the control channel less its envelope, bytes. */
const MAX_PAYLOAD = 61_440
