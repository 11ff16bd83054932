import type { ClientEvent } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import { bytesText } from '../bytes.ts'
import type { Palette } from './palette.ts'
import { count } from './time.ts'

/** What somebody is told of an offer before saying yes or no. @param isVerified - a person compared safety numbers with the sender. */
export function offerLines(
  { name, kind, size, files, from }: Extract<ClientEvent, { type: 'transfer.offered' }>,
  isVerified: boolean,
  palette: Palette,
): string[] {
  const amount = size === null ? 'size not known' : bytesText(size)
  const what = kind === 'folder' ? `folder, ${count(files, 'item')}, ${amount}` : `${kind}, ${amount}`
  return [
    `  ${palette.strong(visible(name))}  ${what}`,
    `  from ${palette.name(visible(from))}, ${isVerified ? palette.good('verified') : palette.dim('not verified')}`,
  ]
}
