import { MsgError } from 'msg-cli/plugin'

/** Where a download asks whether to go on: a share from 0 to 1; `undefined` for `none`. @throws MSG_ERR_USAGE */
export function checkpointOf(text = '50%'): number | undefined {
  if (text === 'none') return undefined
  const [, digits] = /^(\d{1,2}(?:\.\d+)?)\s*%?$/u.exec(text) ?? []
  const percent = Number(digits)
  if (digits === undefined || percent <= 0)
    throw usage(`--checkpoint is a percentage such as 50%, or none, not ${text}`)
  return percent / 100
}

/** `20MB/s`, `500kB`, `1GiB`: bytes per second. @throws MSG_ERR_USAGE */
export function limitOf(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?(?:\/s)?$/iu.exec(text) ?? []
  const rate = Math.round(Number(digits) * (FACTORS[unit.toLowerCase()] ?? 1))
  if (digits === undefined || rate < 1) throw usage(`--limit is a rate such as 20MB/s, not ${text}`)
  return rate
}

const usage = (detail: string): MsgError => new MsgError('MSG_ERR_USAGE', { detail })

const FACTORS: Readonly<Record<string, number>> = {
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}
