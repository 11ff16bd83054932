/** `1.5 MB`: three digits at most, in steps of a thousand. @param bytes - 0 or more */
export function amount(bytes: number): string {
  let value = bytes
  let unit = 0
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1_000
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
