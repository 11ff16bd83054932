import { setImmediate as turn } from 'node:timers/promises'
import { conversationKey, conversationOf } from '../chat/conversation.ts'
import { MsgError } from '../errors.ts'
import type { HistoryMessage, HistoryQuery } from './api.ts'
import type { HistoryEntry } from './profile/history.ts'
import type { ProfileState } from './profile/state.ts'

/**
 * Reads the history from its newest message back, oldest first in the answer. Other work goes on between stretches of rows, so that
 * a search through years of messages holds nothing up.
 *
 * @throws MSG_ERR_USAGE, MSG_ERR_CANCELLED
 */
export async function readHistory(
  state: ProfileState,
  { conversation, text, limit = DEFAULT_LIMIT, signal }: HistoryQuery,
): Promise<HistoryMessage[]> {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new MsgError('MSG_ERR_USAGE', { detail: `a history of ${limit} messages; 1 to ${MAX_LIMIT} can be had` })
  const conversations = conversation && [conversationKey(conversation)]
  const found: HistoryEntry[] = []
  for (let to = state.read(() => state.history.newest()); to > 0 && found.length < limit; to -= STRETCH) {
    if (signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'reading the history' })
    const from = Math.max(1, to - STRETCH + 1)
    const rest = limit - found.length
    found.push(...state.read(() => state.history.search({ from, to, limit: rest, conversations, text })))
    await turn()
  }
  return found.reverse().map(messageOf)
}

function messageOf({ id, conversation, sender, own, at, text }: HistoryEntry): HistoryMessage {
  const place = conversationOf(conversation)
  return {
    id,
    from: sender,
    text,
    at: new Date(at).toISOString(),
    room: place.kind === 'room' ? place.room : null,
    with: place.kind === 'session' ? place.user : null,
    own: own !== 0,
  }
}

const DEFAULT_LIMIT = 20
/** Messages of one answer: at most 64 MiB of text. */
const MAX_LIMIT = 1_000
/** Rows looked at in one turn of the event loop: some milliseconds. */
const STRETCH = 20_000
