import { defineProtocol, message } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'

/** Why a text of blanks is refused. */
export const EMPTY = 'there is nothing to say'

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/** What became of a broadcast: how many connections, of how many users, have acknowledged it. */
const Receipt = v.object({
  /** 32 hex digits. */
  id: v.string(),
  /** The server's clock, ISO 8601 in UTC. */
  at: v.string(),
  delivered: v.object({ connections: Count, users: Count }),
  /** Connections that have the plugin and did not acknowledge it in time. */
  missed: Count,
  /** Connections whose clients lack the plugin: they got nothing. */
  without: Count,
})
export type Receipt = v.InferOutput<typeof Receipt>

const Message = v.object({
  id: v.pipe(v.string(), v.maxLength(32)),
  /** A user's name as it was registered; {@link SERVER} when the server itself speaks. */
  from: v.pipe(v.string(), v.maxLength(64)),
  text: v.string(),
  at: v.pipe(v.string(), v.maxLength(32)),
})
export type Message = v.InferOutput<typeof Message>

/** What the halves say to each other. */
export const protocol = defineProtocol({
  id: 'broadcast',
  version: 1,
  messages: {
    /** Says it to everybody. Answered when all have acknowledged it, or had their time. */
    say: message({
      from: 'client',
      maxBytes: 61_440,
      timeoutMs: 25_000,
      schema: v.object({
        text: v.pipe(
          v.string(),
          v.check((text) => text.trim() !== '', EMPTY),
        ),
      }),
      answer: { maxBytes: 1_024, schema: Receipt },
    }),
    /** Somebody said it. The same id may come again after a reconnection: it is acknowledged again, and not shown. */
    message: message({
      from: 'server',
      maxBytes: 61_440,
      timeoutMs: 2_000,
      schema: Message,
      answer: { maxBytes: 16, schema: v.object({}) },
    }),
  },
})

/** Stands where a user's name stands otherwise. No user can have it: names hold no `@`. */
export const SERVER = '@server'
/** Most bytes of UTF-8 that a server can allow: six times as much, as JSON may need, fits a message. */
export const MAX_BYTES = 10_000
