import { MsgError } from '../core/errors.ts'

/** `1.5 MB`: three digits at most, in steps of a thousand, as rates of links are told too. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1_000
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** `84.1 MB/s`. @param rate - bytes per second. */
export const rateText = (rate: number): string => `${bytesText(rate)}/s`

/**
 * Reads a number of bytes as people write it: `500`, `500k`, `1.5GB`, `1GiB`. Upper or lower case.
 *
 * @returns at least 1 byte, whole.
 * @throws MSG_ERR_USAGE
 */
export function readBytes(text: string): number {
  return read(text, 'a size such as 500k, 20MB or 1GiB')
}

/**
 * Reads a rate: a number of bytes as {@link readBytes} takes it, or of bits (`100Mbit/s`); `/s` may be left out.
 *
 * @returns bytes per second, at least 1, whole.
 * @throws MSG_ERR_USAGE
 */
export function readRate(text: string): number {
  const amount = text.trim().replace(/\/s$/iu, '')
  return read(amount, 'a rate such as 500k, 20MB/s or 100Mbit/s', text)
}

/**
 * Reads a share of the whole: `50%`, or `none`.
 *
 * @returns above 0, below 1; `undefined` for `none`.
 * @throws MSG_ERR_USAGE
 */
export function readFraction(text: string): number | undefined {
  if (text.trim().toLowerCase() === 'none') return undefined
  const [, digits = ''] = /^\s*(\d{1,2}(?:\.\d+)?)\s*%\s*$/u.exec(text) ?? []
  const fraction = Number(digits) / 100
  if (digits === '' || fraction <= 0) throw unreadable(text, 'a share such as 50%, or none')
  return fraction
}

function read(amount: string, wanted: string, typed = amount): number {
  const [, digits = '', prefix = '', unit = ''] = AMOUNT.exec(amount) ?? []
  // 20Mb may mean either.
  if (unit === 'b' && /[A-Z]/u.test(prefix))
    throw unreadable(typed, `clear: ${digits}${prefix}B are bytes, ${digits}${prefix}bit are bits`)
  const isBits = unit.toLowerCase() === 'bit'
  const step = prefix.length > 1 ? 1_024 : 1_000
  const power = prefix === '' ? 0 : 'kmgt'.indexOf(prefix[0]!.toLowerCase()) + 1
  const bytes = Math.round((Number(digits) * step ** power) / (isBits ? 8 : 1))
  if (digits === '' || (isBits && !wanted.includes('bit')) || bytes < 1 || !Number.isSafeInteger(bytes))
    throw unreadable(typed, wanted)
  return bytes
}

function unreadable(text: string, wanted: string): MsgError {
  return new MsgError('MSG_ERR_USAGE', { detail: `${JSON.stringify(text)} is not ${wanted}` })
}

const AMOUNT = /^\s*(\d{1,15}(?:\.\d+)?)\s*((?:[kmgt]i?)?)(bit|b|)\s*$/iu
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const
