import type { ClientEvent, TransferContents } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import { bytesText } from '../bytes.ts'
import type { Palette } from './palette.ts'
import { cut } from './table.ts'
import { count } from './time.ts'

/** What is known of an offer before somebody says yes or no. */
export interface KnownOffer extends Omit<Extract<ClientEvent, { type: 'transfer.offered' }>, 'type'> {
  /** A person compared safety numbers with the sender. Unknown where that cannot be told. */
  readonly isVerified?: boolean
  /** What a folder holds, when it could be fetched. */
  readonly entries?: TransferContents['entries']
}

/**
 * What somebody is told of an offer before saying yes or no: name, kind, size, sender, and what is in a folder.
 *
 * @param shown - most names of a folder.
 */
export function offerLines(offer: KnownOffer, palette: Palette, shown = SHOWN): string[] {
  const { name, kind, size, files, from, room, isVerified, entries } = offer
  const listed = entries?.filter((entry) => entry.kind === 'file')
  const amount = size === null ? 'size not known' : bytesText(size)
  const number = listed ? count(listed.length, 'file') : count(files, 'item')
  const what = kind === 'folder' ? `folder, ${number}, ${amount}` : `${kind}, ${amount}`
  const trust =
    isVerified === undefined ? '' : isVerified ? `, ${palette.good('verified')}` : `, ${palette.dim('not verified')}`
  const where = room === null ? '' : ` in ${palette.room(`#${visible(room)}`)}`
  return [
    `  ${palette.strong(nameText(name))}  ${what}`,
    `  from ${palette.name(visible(from))}${where}${trust}`,
    ...(kind === 'folder' && entries ? contentLines(entries, palette, shown) : []),
  ]
}

/** What a folder holds in all. */
export function totalText(entries: TransferContents['entries']): string {
  const files = entries.filter(({ kind }) => kind === 'file')
  return `${count(files.length, 'file')}, ${bytesText(files.reduce((sum, { size }) => sum + size, 0))} in all.`
}

/** Paths may have 4,096 bytes, and each of them may be shown as an escape. */
const nameText = (name: string): string => cut(visible(name), NAME, '...')

/** Names and sizes of a folder, and how many there are in all. */
function contentLines(entries: TransferContents['entries'], palette: Palette, shown: number): string[] {
  const lines = entries
    .slice(0, shown)
    .map(({ path, kind, size }) =>
      kind === 'folder'
        ? `${' '.repeat(AMOUNT)}  ${nameText(path)}/`
        : `${bytesText(size).padStart(AMOUNT)}  ${nameText(path)}`,
    )
  const more = entries.length - lines.length
  if (more > 0) lines.push(palette.dim(`${' '.repeat(AMOUNT)}  ... and ${count(more, 'other')}`))
  return lines
}

/** Columns of a name that one still recognises. */
const NAME = 160
/** Names on a screen that one still reads. */
const SHOWN = 20
/** Columns of an amount, `1.21 GB`, and the margin. */
const AMOUNT = 11
