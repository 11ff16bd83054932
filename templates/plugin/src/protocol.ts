import { defineProtocol, message } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'

/** What the two halves say to each other. Raise `version` when an older half could not understand. */
export const protocol = defineProtocol({
  id: 'hello',
  version: 1,
  messages: {
    /** A client greets everybody; the answer says how many are told. */
    greet: message({
      from: 'client',
      maxBytes: 1_000,
      schema: v.object({ text: v.pipe(v.string(), v.minLength(1), v.maxLength(200)) }),
      answer: { maxBytes: 100, schema: v.object({ told: v.number() }) },
    }),
    /** The server passes it on. */
    greeted: message({
      from: 'server',
      maxBytes: 1_200,
      schema: v.object({ from: v.string(), text: v.string() }),
    }),
  },
})
