import { defineClientPlugin, MsgError } from 'msg-cli/plugin'
import { EMPTY, MAX_BYTES, protocol, type Receipt } from './protocol.ts'
import { summary } from './summary.ts'

/** The client's half: `broadcast` at the prompt, and what others say to everybody. */
export default defineClientPlugin({
  protocol,
  setup(client) {
    /** Ids of what was shown, the oldest first. */
    const shown = new Set<string>()

    client.handle('message', ({ id, from, text, at }) => {
      if (shown.has(id)) return {}
      shown.add(id)
      if (shown.size > MAX_SHOWN) shown.delete(shown.values().next().value!)
      client.event('message', `${from} to everyone: ${indented(text)}`, { from, text, at, id })
      return {}
    })

    client.command({
      name: 'broadcast',
      short: 'b',
      summary: 'say something to everybody; the server reads it too',
      arguments: [{ name: 'text', rest: true }],
      async run(values): Promise<Receipt> {
        const text = values.text('text')
        if (text.trim() === '') throw new MsgError('MSG_ERR_USAGE', { detail: EMPTY })
        const bytes = Buffer.byteLength(text)
        // More does not even reach the server, which may allow less.
        if (bytes > MAX_BYTES)
          throw new MsgError('MSG_ERR_LIMIT', {
            detail: `a broadcast has at most ${MAX_BYTES} bytes, this one ${bytes}`,
          })
        return await client.request('say', { text })
      },
      text: summary,
    })
  },
})

/** Lines after the first are set in, so that none of them looks like something of its own. */
const indented = (text: string): string => text.replaceAll(/\r\n|\n/gu, '\n      ')

/** Ids that are remembered: what is told again comes within seconds. */
const MAX_SHOWN = 1_000
