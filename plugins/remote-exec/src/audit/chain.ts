import { createHash } from 'node:crypto'

/** What one line of an audit log says, without what makes it a link of the chain. */
export type AuditFacts = Readonly<Record<string, unknown>>

/** What the first line of the first log has as the hash of the line before. */
export const FIRST = '0'.repeat(64)

/** SHA-256 of a line without its end, in hexadecimal. */
export function hashOf(line: string): string {
  return createHash('sha256').update(line).digest('hex')
}

/** A line of the log, without its end: the hash of the line before stands in it. */
export function auditLine(previous: string, facts: AuditFacts): string {
  return JSON.stringify({ previous, ...facts })
}

/** Where a chain is broken: the line, counted from 1, and what is wrong with it. */
export interface Break {
  readonly line: number
  readonly why: string
}

/**
 * Follows the chain of one or more logs, oldest first. An edited, removed, moved or inserted line is noticed at the one behind it; what was cut
 * off at the end is not, nor is a chain that was written anew from some line on: for that keep the last hash elsewhere.
 *
 * @param previous - the hash that the first line must name; `undefined` when older logs are gone.
 */
export function verifyChain(lines: readonly string[], previous?: string): Break | undefined {
  let expected = previous
  for (const [i, line] of lines.entries()) {
    let named: unknown
    try {
      named = (JSON.parse(line) as { previous?: unknown }).previous
    } catch {
      return { line: i + 1, why: 'it is no JSON' }
    }
    if (typeof named !== 'string') return { line: i + 1, why: 'it names no line before' }
    if (expected !== undefined && named !== expected)
      return { line: i + 1, why: 'the line before is not the one it names' }
    expected = hashOf(line)
  }
  return undefined
}
