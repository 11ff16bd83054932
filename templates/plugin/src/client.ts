import { defineClientPlugin } from 'msg-cli/plugin'
import { protocol } from './protocol.ts'

/** The half that runs in every client. */
export default defineClientPlugin({
  protocol,
  setup(client) {
    // Shown at the prompt, and with --json a line of type `plugin`.
    client.handle('greeted', ({ from, text }) => client.event('greeted', `${from} says: ${text}`, { from, text }))

    client.command({
      name: 'hello',
      summary: 'greet everybody who is connected',
      arguments: [{ name: 'text', optional: true, rest: true }],
      run: async (values) => await client.request('greet', { text: values.optional('text') ?? 'good day' }),
      text: ({ told }) => [`${told} ${told === 1 ? 'client hears' : 'clients hear'} it.`],
    })
  },
})
