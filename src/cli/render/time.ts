/** Local `HH:MM` of an ISO 8601 time; `--:--` when it is none. */
export function clockTime(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return '--:--'
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
}

/** Local `YYYY-MM-DD HH:MM` of an ISO 8601 time. */
export function dateTime(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return '--:--'
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(iso)}`
}

/** `1.23 ms`, `12.3 ms`, `123 ms`: three digits that count. */
export function milliseconds(value: number): string {
  if (value >= 100) return `${value.toFixed(0)} ms`
  return `${value.toFixed(value >= 10 ? 1 : 2)} ms`
}

/** How long ago an ISO 8601 time was, in one unit: `12 s`, `3 min`, `5 h`, `2 days`. @param now - milliseconds of the wall clock */
export function elapsed(iso: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(iso)) / 1_000))
  if (Number.isNaN(seconds)) return 'some time'
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} days`
}

/** `1 message`, `2 messages`. */
export function count(amount: number, noun: string): string {
  return `${amount.toLocaleString('en')} ${noun}${amount === 1 ? '' : 's'}`
}
