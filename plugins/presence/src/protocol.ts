import { defineProtocol, message } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'

const Name = v.pipe(v.string(), v.maxLength(64))
/** ISO 8601 in UTC, by the server's clock. */
const Time = v.pipe(v.string(), v.maxLength(32))
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/** Somebody who can be seen. */
const Person = v.object({
  user: Name,
  /** `away`: at none of their clients has anybody typed for a while, and all of them tell that. */
  state: v.picklist(['here', 'away']),
  /** Since when. */
  since: Time,
})
export type Person = v.InferOutput<typeof Person>

/** Users to whom the same has happened: how many, and the first of them. */
const Group = v.object({ count: Count, users: v.pipe(v.array(Name), v.maxLength(50)) })

/** What has happened, in one message however much it is. */
const Notice = v.object({
  at: Time,
  joined: v.optional(Group),
  left: v.optional(Group),
  away: v.optional(Group),
  back: v.optional(Group),
})
export type Notice = v.InferOutput<typeof Notice>

const Seen = v.object({
  user: Name,
  state: v.picklist(['here', 'away', 'gone', 'unknown']),
  /** Since when they are here or away; when they were last seen; null when nothing is known. */
  at: v.nullable(Time),
  now: Time,
})
export type Seen = v.InferOutput<typeof Seen>

/** What the halves say to each other. */
export const protocol = defineProtocol({
  id: 'presence',
  version: 1,
  messages: {
    /** Which notices this connection wants; until it says so, those of joins. */
    want: message({ from: 'client', maxBytes: 128, schema: v.object({ joins: v.boolean(), away: v.boolean() }) }),
    /** Nobody has typed here for so many milliseconds; null: somebody does again. */
    idle: message({ from: 'client', maxBytes: 128, schema: v.object({ forMs: v.nullable(Count) }) }),
    /** Everybody who can be seen, page by page; `after` is `next` of the page before. */
    who: message({
      from: 'client',
      maxBytes: 512,
      schema: v.object({ after: v.optional(Name) }),
      answer: {
        maxBytes: 61_440,
        schema: v.object({ now: Time, people: v.array(Person), next: v.nullable(Name) }),
      },
    }),
    seen: message({
      from: 'client',
      maxBytes: 512,
      schema: v.object({ user: v.string() }),
      answer: { maxBytes: 512, schema: Seen },
    }),
    notice: message({ from: 'server', maxBytes: 32_768, schema: Notice }),
  },
})
