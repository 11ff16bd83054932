import { MsgError } from '../../core/errors.ts'
import type { Conversation, HistoryMessage } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { conversationName } from '../render/client-words.ts'
import type { Palette } from '../render/palette.ts'
import { dateTime } from '../render/time.ts'

const history = lineCommand({
  name: 'history',
  summary: 'what was said, with somebody or in a room, or everywhere; a text to search for may follow',
  arguments: [
    { name: 'name', kind: 'user', optional: true },
    { name: 'text', optional: true, rest: true },
  ],
  options: { limit: { value: 'number' } },
  async run({ client, ended }: ClientSession, values) {
    const name = values.optional('name')
    const limit = limitOf(values.optional('limit'))
    const conversation = name === undefined ? undefined : find(client.pastConversations(), name)
    // A first word that is nobody's name belongs to the text.
    const words = [conversation ? undefined : name, values.optional('text')].filter((word) => word !== undefined)
    const text = words.join(' ').trim()
    const messages = await client.history({
      ...(conversation ? { conversation } : {}),
      ...(text === '' ? {} : { text }),
      ...(limit === undefined ? {} : { limit }),
      signal: ended,
    })
    return {
      with: conversation ? (conversation.kind === 'room' ? conversation.room : conversation.user) : null,
      text: text === '' ? null : text,
      messages,
    }
  },
  text: ({ messages }, palette) =>
    messages.length === 0
      ? [palette.dim('Nothing was said that fits.')]
      : messages.flatMap((message) => messageLines(message, palette)),
})

/** Commands about what was said. */
export const HISTORY_COMMANDS = [history]

/** A conversation by the name of its user or room; `#name` means the room, else a user goes first. */
function find(conversations: readonly Conversation[], name: string): Conversation | undefined {
  const wanted = fold(name.replace(/^#/u, ''))
  const fits = (kind: Conversation['kind']): Conversation | undefined =>
    conversations.find((one) => one.kind === kind && fold(one.kind === 'room' ? one.room : one.user) === wanted)
  return name.startsWith('#') ? fits('room') : (fits('session') ?? fits('room'))
}

function fold(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

function limitOf(word: string | undefined): number | undefined {
  if (word === undefined) return undefined
  if (/^[1-9]\d{0,3}$/u.test(word)) return Number(word)
  throw new MsgError('MSG_ERR_USAGE', { detail: '--limit takes a number from 1 to 1000' })
}

function messageLines({ from, text, at, room, with: user, own }: HistoryMessage, palette: Palette): string[] {
  const place: Conversation = room === null ? { kind: 'session', user: user ?? '' } : { kind: 'room', room }
  const where = room !== null || own ? ` ${own && room === null ? 'to ' : ''}${conversationName(place, palette)}` : ''
  const [first = '', ...more] = visible(text, { multiline: true }).split('\n')
  const head = `${palette.dim(dateTime(at))} ${own ? 'you' : palette.name(visible(from))}${where}`
  return [`${head}: ${first}`, ...more.map((line) => `      ${line}`)]
}
