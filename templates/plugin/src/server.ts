import { defineServerPlugin, MsgError } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'
import { protocol } from './protocol.ts'

/** Checked before `setup`; `undefined` stands for a configuration that says nothing. */
const options = v.optional(v.object({ perMinute: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 6) }), {})

/** The half that runs in the server. */
export default defineServerPlugin({
  protocol,
  options,
  setup(server, { perMinute }) {
    const used = new Map<string, number>()
    const greetings = server.metrics.counter('greetings', 'greetings that were passed on')
    // It ends with the plugin.
    server.timers.every(60_000, () => used.clear())

    server.handle('greet', ({ text }, session) => {
      const count = used.get(session.user) ?? 0
      if (count >= perMinute) throw new MsgError('MSG_ERR_LIMIT', { detail: `${perMinute} greetings a minute` })
      used.set(session.user, count + 1)
      greetings.add()
      const others = [...server.sessions()].filter(({ id }) => id !== session.id)
      for (const other of others) other.send('greeted', { from: session.user, text })
      return { told: others.length }
    })
  },
})
