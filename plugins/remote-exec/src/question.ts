import type { Peer } from './peer.ts'
import { shownWords } from './words.ts'

/** What a person reads before saying yes. */
export interface Question {
  readonly details: readonly string[]
  readonly question: string
}

/**
 * Who asks, the exact words, where.
 *
 * @returns `undefined` when it is too long to be read: nobody is asked about what they cannot see whole.
 */
export function questionOf(peer: Peer, argv: readonly string[], path: string, cwd: string): Question | undefined {
  const program = argv[0] === path ? [] : [`  which is ${shownWords([path])}`]
  const details = [
    `${shownWords([peer.user])} (${peer.verified ? 'verified' : 'NOT verified'}, ${peer.device}) wants to run a command here:`,
    `  ${shownWords(argv)}`,
    ...program,
    `  in ${shownWords([cwd])}`,
  ]
  const length = details.reduce((sum, line) => sum + line.length, 0)
  return length <= MAX_SHOWN ? { details, question: 'Run it?' } : undefined
}

/** About a screen. */
const MAX_SHOWN = 2_000
/** How long a person has to answer, milliseconds. */
export const ASK_MS = 30_000
