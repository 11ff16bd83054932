import type { TransferStatus } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import { bytesText, rateText } from '../bytes.ts'
import type { Palette } from './palette.ts'
import { cut, widthOf } from './table.ts'

/** Where a progress bar is drawn. */
export interface BarLook {
  /** Of the terminal; the last one stays free, since terminals wrap behind it. */
  readonly columns: number
  /** False: ASCII only. */
  readonly isUnicode: boolean
  readonly palette: Palette
}

/** A transfer on its way and the link's path, null while there is no link. */
export type Moving = Pick<
  TransferStatus,
  'direction' | 'name' | 'size' | 'bytes' | 'rate' | 'etaSeconds' | 'state' | 'with'
> & { readonly via: string | null }

/**
 * One line for one transfer, as wide as fits: `↓ photo.jpg ━━━━━──── 63 % 84.1 MB/s 0:08`, with bytes and path where there is room.
 *
 * Never wider than the terminal, whatever the name is.
 */
export function progressLine(moving: Moving, { columns, isUnicode, palette }: BarLook): string {
  const { size, bytes } = moving
  const budget = Math.max(1, columns - 1)
  const isRoomy = columns >= ROOMY
  const gap = isRoomy ? '  ' : ' '
  const share = size === null ? undefined : size === 0 ? 1 : Math.min(1, bytes / size)
  const percent = share === undefined ? '' : `${String(Math.floor(100 * share)).padStart(isRoomy ? 3 : 1)} %`
  const amount = size === null ? bytesText(bytes) : `${bytesText(bytes).padStart(7)} of ${bytesText(size)}`
  const isMoving = moving.state === 'active'
  const speed = isMoving ? rateText(moving.rate) : moving.state
  const rest = [
    percent,
    size === null || columns >= WIDE ? amount : '',
    speed.padStart(isRoomy ? 10 : 0),
    isMoving && size !== null ? etaText(moving.etaSeconds).padStart(isRoomy ? 5 : 0) : '',
    isRoomy ? (moving.via ?? '') : '',
  ].filter((part) => part !== '')
  while (rest.length > 1 && widthOf(rest.join(gap)) + MIN_NAME > budget) rest.pop()

  const arrow = (isUnicode ? { in: '↓', out: '↑' } : { in: '<', out: '>' })[moving.direction]
  const figures = rest.join(gap)
  const free = budget - widthOf(figures) - widthOf(arrow) - 1 - gap.length
  const full = visible(moving.name)
  const nameWidth = Math.min(widthOf(full), Math.max(MIN_NAME, Math.floor(free * NAME_SHARE)))
  const barWidth = share === undefined ? 0 : Math.min(MAX_BAR, free - nameWidth - gap.length)
  const name = cut(full, barWidth >= MIN_BAR ? nameWidth : Math.max(0, free), isUnicode ? '…' : '~')
  const head = `${arrow} ${palette.strong(name)}`
  if (barWidth < MIN_BAR) return cut(`${head}${gap}${figures}`, budget, '')
  return `${head}${gap}${bar(share ?? 0, barWidth, isUnicode, palette)}${gap}${figures}`
}

/** The first few transfers, and how many more there are. */
export function progressLines(moving: readonly Moving[], look: BarLook): string[] {
  const lines = moving.slice(0, SHOWN).map((one) => progressLine(one, look))
  const more = moving.length - SHOWN
  if (more > 0) lines.push(look.palette.dim(cut(`  and ${more} more`, Math.max(1, look.columns - 1), '')))
  return lines
}

/** `0:08`, `12:34`, `1:02:03`; `-:--` when nobody can say. */
export function etaText(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds) || seconds >= LONGEST) return '-:--'
  const whole = Math.ceil(seconds)
  const two = (part: number): string => String(part).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** True where the locale says that text is UTF-8. */
export function isUnicodeTerminal(env: Readonly<Record<string, string | undefined>>, platform: string): boolean {
  if (platform === 'win32') return true
  if (env['TERM'] === 'linux' || env['TERM'] === 'dumb') return false
  return /utf-?8/iu.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '')
}

function bar(share: number, width: number, isUnicode: boolean, palette: Palette): string {
  const [left, full, empty, right] = isUnicode ? ['', '━', '─', ''] : ['[', '#', '-', ']']
  const inner = width - left!.length - right!.length
  const filled = Math.floor(share * inner)
  return `${left}${palette.good(full!.repeat(filled))}${palette.dim(empty!.repeat(inner - filled))}${right}`
}

/** Columns from which figures stand apart and the path is told, and from which bytes are told. */
const ROOMY = 64
const WIDE = 84
/** Columns of a bar and of a name. */
const MIN_BAR = 5
const MAX_BAR = 30
const MIN_NAME = 8
/** How much of what is left the name may have. */
const NAME_SHARE = 0.55
/** Lines at once: a terminal is there to be typed in. */
const SHOWN = 4
/** A hundred hours, seconds. */
const LONGEST = 360_000
