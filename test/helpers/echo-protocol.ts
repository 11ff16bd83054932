import * as v from 'valibot'
import { defineProtocol, message } from '../../src/core/plugins/protocol.ts'

const Text = v.object({ text: v.string() })
/** Messages of every kind: said and asked, from either side. */
export const protocol = defineProtocol({
  id: 'echo',
  version: 2,
  messages: {
    say: message({
      from: 'client',
      maxBytes: 100,
      schema: Text,
      answer: { schema: v.object({ heard: v.string() }), maxBytes: 60 },
    }),
    mute: message({ from: 'client', maxBytes: 10, schema: v.object({}) }),
    guess: message({
      from: 'server',
      maxBytes: 100,
      schema: Text,
      answer: { schema: v.object({ number: v.number() }), maxBytes: 20 },
    }),
    told: message({ from: 'server', maxBytes: 100, schema: Text }),
  },
})
