import type { Conversation } from '../../core/index.ts'
import type { Palette } from './palette.ts'
import { visible } from '../../core/wire/visible.ts'

/** Stands for the server where a user's name stands otherwise. */
export const SERVER_PEER = '@server'

/** `bob`, or `#lobby` for a room. */
export function conversationName(conversation: Conversation, palette: Palette): string {
  return conversation.kind === 'session'
    ? palette.name(visible(conversation.user))
    : palette.room(`#${visible(conversation.room)}`)
}

export function presenceWord(present: boolean): string {
  return present ? 'here' : 'away'
}

/**
 * The prompt: who one is and where `send` goes, `alice@bob> ` or `alice#lobby> `. Plain text: its width is counted.
 *
 * @param relayed - users some of whose links go through the server: `alice@bob (relayed)> `; any other path is not worth the room.
 */
export function promptText(
  user: string | undefined,
  conversation: Conversation | undefined,
  relayed: ReadonlySet<string> = new Set(),
): string {
  if (user === undefined) return 'msg> '
  const target =
    conversation === undefined
      ? ''
      : conversation.kind === 'session'
        ? `@${conversation.user}`
        : `#${conversation.room}`
  const isRelayed = conversation?.kind === 'session' && relayed.has(conversation.user)
  return `${visible(user)}${visible(target)}${isRelayed ? ' (relayed)' : ''}> `
}

/** A reason the server or a peer gave, as the end of a sentence: `: the owner left`. Empty when it says nothing new. */
export function because(reason: string): string {
  // Told to both sides, the one who left included.
  if (reason === 'left' || reason === '') return ''
  return `: ${REASONS[reason] ?? visible(reason)}`
}

const REASONS: Readonly<Record<string, string>> = {
  withdrawn: 'they withdrew',
  gone: 'they are gone',
  closed: 'the owner closed it',
  'owner-left': 'the owner left',
  expired: 'the owner was away for too long',
  timeout: 'nobody answered',
}
