import type { ClientEvent, TransferStatus } from '../../core/index.ts'
import { bytesText, rateText } from '../bytes.ts'
import { visible } from '../../core/wire/visible.ts'
import { SERVER_PEER } from './client-words.ts'
import type { Palette } from './palette.ts'
import { tableLines } from './table.ts'
import { count } from './time.ts'

type TransferEvent = Extract<ClientEvent, { type: `transfer.${string}` }>

/**
 * Says what happens to transfers; progress is for those who look at the list.
 *
 * @param isConsole - false where nobody can type what to do next.
 */
export function transferEventLines(event: TransferEvent, palette: Palette, isConsole = true): string[] {
  const what = palette.strong(visible(event.type === 'transfer.progress' ? '' : event.name))
  const short = shortId(event.id)
  switch (event.type) {
    case 'transfer.offered': {
      const size = event.size === null ? 'of unknown size' : bytesText(event.size)
      const content = event.kind === 'folder' ? `, ${count(event.files, 'item')}` : ''
      const answer = `: ${palette.strong(`file accept ${short}`)} or ${palette.strong(`file decline ${short}`)}`
      return [`${palette.name(visible(event.from))} offers ${what} (${size}${content})${isConsole ? answer : '.'}`]
    }
    case 'transfer.declined':
      return [`${palette.name(visible(whom(event)))} does not want ${what}.`]
    case 'transfer.started':
      return [
        palette.dim(event.direction === 'in' ? `Receiving ${what} from` : `Sending ${what} to`) +
          ` ${palette.name(visible(whom(event)))} (${short}).`,
      ]
    case 'transfer.progress':
      return []
    case 'transfer.checkpoint':
      // Whoever downloads from the server is asked there and then.
      if (event.with === SERVER_PEER) return []
      return [
        `${Math.round(100 * event.fraction)} % of ${what} is here: ${palette.strong(`file continue ${short}`)} or ${palette.strong(`file stop ${short}`)}?`,
      ]
    case 'transfer.blocked':
      return [
        palette.bad(
          `${visible(event.source)} sent something wrong of ${what} and is asked nothing more: ${visible(event.message)}`,
        ),
      ]
    case 'transfer.paused':
      return [
        `${what} is paused${byThem(event.by, whom(event), palette)}${isConsole ? `: \`file continue ${short}\`` : ''}.`,
      ]
    case 'transfer.continued':
      return [`${what} goes on${byThem(event.by, whom(event), palette)}.`]
    case 'transfer.stopped':
      if (event.with === SERVER_PEER)
        return [
          `${what} is stopped${byThem(event.by, whom(event), palette)}; downloading it again goes on where it was.`,
        ]
      return [
        event.direction === 'in' && isConsole
          ? `${what} is stopped${byThem(event.by, whom(event), palette)}; \`file accept ${short}\` goes on where it was.`
          : `${what} is stopped${byThem(event.by, whom(event), palette)}.`,
      ]
    case 'transfer.done':
      return doneLines(event, palette)
    case 'transfer.failed':
      return [palette.bad(`${what} failed: ${visible(event.message)}`)]
  }
}

/** The list of transfers. */
export function transfersTable(transfers: readonly TransferStatus[], palette: Palette): string[] {
  return tableLines(
    ['id', '', 'with', 'name', 'size', 'done', 'rate', 'state'],
    transfers.map((transfer) => [
      shortId(transfer.id),
      transfer.direction === 'in' ? '<' : '>',
      palette.name(visible(whom(transfer))),
      visible(transfer.name),
      transfer.size === null ? '?' : bytesText(transfer.size),
      transfer.size ? `${Math.floor((100 * transfer.bytes) / transfer.size)} %` : bytesText(transfer.bytes),
      transfer.rate > 0 ? rateText(transfer.rate) : '',
      transfer.state,
    ]),
    'No files are offered or on their way.',
  )
}

/** What others offer. */
export function offersTable(transfers: readonly TransferStatus[], palette: Palette): string[] {
  return tableLines(
    ['id', 'name', 'kind', 'size', 'items', 'from'],
    transfers.map((transfer) => [
      shortId(transfer.id),
      visible(transfer.name),
      transfer.kind,
      transfer.size === null ? '?' : bytesText(transfer.size),
      transfer.files.toLocaleString('en'),
      palette.name(visible(transfer.with ?? '')) + (transfer.room === null ? '' : ` in #${visible(transfer.room)}`),
    ]),
    'Nothing is offered to you.',
  )
}

/** The beginning of an id, which nearly always tells it apart. */
export const shortId = (id: string): string => id.slice(0, SHORT)

function doneLines(event: Extract<TransferEvent, { type: 'transfer.done' }>, palette: Palette): string[] {
  const what = palette.strong(visible(event.name))
  const who = palette.name(visible(whom(event)))
  const path = event.path === null ? '' : ` It is at ${visible(event.path)}.`
  const last = event.lastByte === null ? '' : `, last byte ${event.lastByte}`
  return [
    `${event.direction === 'in' ? `${what} from ${who} is here` : `${who} has ${what}`}: ${bytesText(event.bytes)} in ${event.seconds.toFixed(1)} s, ${event.megabytesPerSecond.toFixed(1)} MB/s${event.via === null ? '' : ` (${event.via})`}.${path}`,
    palette.dim(
      `  root ${event.root.slice(0, SHORT_ROOT)}...${last}, ${count(event.retransmits, 'packet')} sent again, ${count(event.sources, event.direction === 'in' ? 'source' : 'receiver')}`,
    ),
  ]
}

/** The other side: a user, or a room. */
const whom = (transfer: { readonly with: string | null; readonly room: string | null }): string =>
  transfer.with ?? transfer.room ?? ''

const byThem = (by: 'you' | 'them', user: string, palette: Palette): string =>
  by === 'you' ? '' : ` by ${palette.name(visible(user))}`

const SHORT = 8
/** Digits of a root that people compare. */
const SHORT_ROOT = 16
