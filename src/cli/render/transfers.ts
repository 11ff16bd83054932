import type { ClientEvent, TransferStatus } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import { SERVER_PEER } from './client-words.ts'
import type { Palette } from './palette.ts'
import { tableLines } from './table.ts'
import { count } from './time.ts'

type TransferEvent = Extract<ClientEvent, { type: `transfer.${string}` }>

/** Says what happens to transfers; progress is for those who look at the list. */
export function transferEventLines(event: TransferEvent, palette: Palette): string[] {
  const what = palette.strong(visible(event.type === 'transfer.progress' ? '' : event.name))
  const short = shortId(event.id)
  switch (event.type) {
    case 'transfer.offered': {
      const size = event.size === null ? 'of unknown size' : bytesText(event.size)
      const content = event.kind === 'folder' ? `, ${count(event.files, 'item')}` : ''
      return [
        `${palette.name(visible(event.from))} offers ${what} (${size}${content}): ${palette.strong(`file accept ${short}`)} or ${palette.strong(`file decline ${short}`)}`,
      ]
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
      return [`${what} is paused${byThem(event.by, whom(event), palette)}: \`file continue ${short}\`.`]
    case 'transfer.continued':
      return [`${what} goes on${byThem(event.by, whom(event), palette)}.`]
    case 'transfer.stopped':
      if (event.with === SERVER_PEER)
        return [
          `${what} is stopped${byThem(event.by, whom(event), palette)}; downloading it again goes on where it was.`,
        ]
      return [
        event.direction === 'in'
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
      transfer.rate > 0 ? `${bytesText(transfer.rate)}/s` : '',
      transfer.state,
    ]),
    'No files are offered or on their way.',
  )
}

/** `1.5 MB`: three digits at most, in steps of a thousand. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1_000
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(value >= 9.995 ? 1 : 2)} ${UNITS[unit]}`
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
    palette.dim(`  root ${event.root}${last}, ${count(event.retransmits, 'packet')} sent again`),
  ]
}

/** The other side: a user, or a room. */
const whom = (transfer: { readonly with: string | null; readonly room: string | null }): string =>
  transfer.with ?? transfer.room ?? ''

const byThem = (by: 'you' | 'them', user: string, palette: Palette): string =>
  by === 'you' ? '' : ` by ${palette.name(visible(user))}`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const
const SHORT = 8
