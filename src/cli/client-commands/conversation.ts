import { MsgError } from '../../core/errors.ts'
import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { conversationName } from '../render/client-words.ts'
import { visible } from '../../core/wire/visible.ts'

const send = lineCommand({
  name: 'send',
  short: 's',
  summary: 'say something in the open conversation; the rest of the line goes as it is',
  arguments: [{ name: 'text', rest: true }],
  async run(session: ClientSession, values) {
    const { id, state, to } = await session.client.send(values.text('text'))
    return { id, state, conversation: to }
  },
  text: ({ state, conversation }, palette) =>
    state === 'queued' ? [palette.dim(`Waits for ${conversationName(conversation, palette)}.`)] : [],
})

const leave = lineCommand({
  name: 'leave',
  short: 'cs',
  summary: 'leave the conversation; --to hands your room over, --force closes it',
  options: { to: { value: 'user', kind: 'user' }, force: {} },
  async run(session: ClientSession, values) {
    const to = values.optional('to')
    const { left, closed } = await leaveOrAsk(session, {
      ...(to === undefined ? {} : { to }),
      force: values.has('force'),
    })
    return { conversation: left, closed }
  },
  text: ({ conversation, closed }, palette) => [
    `You left ${conversationName(conversation, palette)}${closed && conversation.kind === 'room' ? ', and it is closed' : ''}.`,
  ],
})

/** Commands in an open conversation. */
export const CONVERSATION_COMMANDS = [send, leave]

/** The creator of a room is warned first: a person can still say no, a script is told and goes on. */
async function leaveOrAsk(session: ClientSession, options: { to?: string; force: boolean }) {
  try {
    return await session.client.leave(options)
  } catch (error) {
    if (!MsgError.is(error) || error.code !== 'MSG_ERR_OWNER_LEAVING') throw error
    if (session.ask === undefined) session.warn(error.code, error.message)
    else if (
      !(await session.ask.confirm(`You created ${visible(error.detail)}; leaving closes it for everybody. Leave?`))
    ) {
      throw new MsgError('MSG_ERR_CANCELLED', {
        detail: 'you stay in the room; leave --to <user> hands it over',
        cause: error,
      })
    }
    return await session.client.leave({ ...options, force: true })
  }
}
