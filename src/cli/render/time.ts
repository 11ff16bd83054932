/** Local `HH:MM` of an ISO 8601 time; `--:--` when it is none. */
export function clockTime(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return '--:--'
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
}

/** `1.23 ms`, `12.3 ms`, `123 ms`: three digits that count. */
export function milliseconds(value: number): string {
  if (value >= 100) return `${value.toFixed(0)} ms`
  return `${value.toFixed(value >= 10 ? 1 : 2)} ms`
}

/** Bytes as people read them: `512 B`, `1.5 KiB`, `12 MiB`. */
export function bytes(value: number): string {
  let amount = value
  for (const unit of ['B', 'KiB', 'MiB']) {
    if (amount < 1024) return `${amount >= 10 || unit === 'B' ? amount.toFixed(0) : amount.toFixed(1)} ${unit}`
    amount /= 1024
  }
  return `${amount.toFixed(1)} GiB`
}

/** `1 message`, `2 messages`. */
export function count(amount: number, noun: string): string {
  return `${amount.toLocaleString('en')} ${noun}${amount === 1 ? '' : 's'}`
}
