import type { Peer } from './peer.ts'
import { shownWords } from './words.ts'

/**
 * What a person reads before saying yes: who asks, the exact words, where.
 *
 * @returns `undefined` when it is too long to be read: nobody is asked about what they cannot see whole.
 */
export function questionOf(peer: Peer, argv: readonly string[], path: string, cwd: string): string | undefined {
  const words = shownWords(argv)
  const program = argv[0] === path ? '' : ` (${shownWords([path])})`
  const lines = [
    `${shownWords([peer.user])} (${peer.verified ? 'verified' : 'NOT verified'}, ${peer.device}) wants to run a command on this machine:`,
    `  ${words}${program}`,
    `  in ${shownWords([cwd])}`,
    'Run it?',
  ]
  const question = lines.join('\n')
  return question.length <= MAX_SHOWN ? question : undefined
}

/** About a screen. */
const MAX_SHOWN = 2_000
/** How long a person has to answer, milliseconds. */
export const ASK_MS = 30_000
