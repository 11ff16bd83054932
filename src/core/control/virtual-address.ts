/**
 * The address in 100.64.0.0/10 (RFC 6598) that names the account with number `n`.
 *
 * @param n - 1 to {@link MAX_ACCOUNTS}, inclusive.
 */
export function virtualAddress(n: number): string {
  return `100.${64 + (n >> 16)}.${(n >> 8) & 0xff}.${n & 0xff}`
}

/** The account number behind a virtual address, or `undefined` when `text` is none. */
export function accountNumber(text: string): number | undefined {
  const parts = /^100\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number)
  if (!parts) return undefined
  const [a = 0, b = 0, c = 0] = parts
  const n = (a - 64) * 65_536 + b * 256 + c
  return n >= 1 && n <= MAX_ACCOUNTS && virtualAddress(n) === text ? n : undefined
}

/** As many as 100.64.0.0/10 has host addresses. */
export const MAX_ACCOUNTS = 2 ** 22 - 2
