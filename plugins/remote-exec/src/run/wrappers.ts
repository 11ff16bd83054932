import { realpathSync } from 'node:fs'
import { basename } from 'node:path'

/** What util-linux has to start a command under the system's own limits; those that are missing are left out. */
export interface Wrappers {
  readonly prlimit: string | undefined
  readonly setpriv: string | undefined
}

/** Looks where util-linux is. A multi-call binary in its place knows other options. */
export function findWrappers(folders: readonly string[] = ['/usr/bin', '/bin']): Wrappers {
  const find = (name: string): string | undefined =>
    folders
      .map((folder) => `${folder}/${name}`)
      .find((path) => {
        try {
          return basename(realpathSync(path)) === name
        } catch {
          return false
        }
      })
  return { prlimit: find('prlimit'), setpriv: find('setpriv') }
}

/** What the system itself is to hold a command to. */
export interface SystemLimits {
  /** Threads of the user that runs it, those that run already included; `undefined` for root, whom the system does not limit. */
  readonly threads: number | undefined
  /** Address space of each process, bytes. */
  readonly memoryBytes: number | undefined
  /** File locks: the run's mark. */
  readonly locks: number
}

/** The words that start a command: no core files, no more threads and memory than it may have, no privileges it has not, and dead with who started it. */
export function wrap(
  { prlimit, setpriv }: Wrappers,
  { threads, memoryBytes, locks }: SystemLimits,
  [path, ...args]: readonly [string, ...string[]],
): [string, ...string[]] {
  const words: string[] = []
  if (setpriv !== undefined) words.push(setpriv, '--no-new-privs', '--pdeathsig=KILL', '--')
  if (prlimit !== undefined) {
    words.push(prlimit, '--core=0', `--locks=${locks}`)
    if (threads !== undefined) words.push(`--nproc=${threads}`)
    if (memoryBytes !== undefined) words.push(`--as=${memoryBytes}`)
    words.push('--')
  }
  return [...words, path, ...args] as [string, ...string[]]
}
