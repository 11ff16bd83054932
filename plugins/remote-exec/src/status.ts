import { constants } from 'node:os'
import type { Outcome } from './sender.ts'

type Exit = Extract<Outcome, { kind: 'code' | 'signal' }>

/** What `msg client exec` ends with: the command's own status; 128 and the signal's number when a signal ended it, as shells have it. */
export function statusOf({ kind, number }: Pick<Exit, 'kind' | 'number'>): number {
  return kind === 'code' ? number : (128 + number) & 0xff
}

/** Status and signal, of which one is null. A signal that this system has no name for is its number. */
export function exitNames({ kind, number }: Pick<Exit, 'kind' | 'number'>): {
  exit: number | null
  signal: string | null
} {
  if (kind === 'code') return { exit: number, signal: null }
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
  return { exit: null, signal: name ?? String(number) }
}
