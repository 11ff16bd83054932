/** Name of the variable that marks what belongs to a run, so that it is found wherever it hides. */
export const MARK = 'MSG_EXEC_RUN'

/**
 * What a command sees: what is needed to work and says nothing secret; nothing else of the environment that msg was started in.
 *
 * @param given - the environment of msg. @param added - what configuration adds; it wins.
 */
export function environmentOf(
  given: Readonly<Record<string, string | undefined>>,
  { path, added, peer }: { path: readonly string[]; added: Readonly<Record<string, string>>; peer: string },
): Record<string, string> {
  const kept = Object.entries(given).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && KEPT.has(entry[0]),
  )
  return { ...Object.fromEntries(kept), TERM: 'dumb', PATH: path.join(':'), ...added, MSG_EXEC_PEER: peer }
}

const KEPT: ReadonlySet<string> = new Set(['HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR'])
