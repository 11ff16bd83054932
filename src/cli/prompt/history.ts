import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** What a {@link CommandHistory} is made of. */
export interface CommandHistoryOptions {
  /** The file, readable by its owner only; `undefined` keeps the history in memory. */
  readonly path: string | undefined
  /** True for lines that hold a password: they are forgotten at once. */
  readonly isSecret: (line: string) => boolean
  /** Lines kept. @default 1000 */
  readonly size?: number
}

/** Lines typed earlier, newest first, kept in a file between runs. A file that cannot be used is no error: history is a comfort. */
export class CommandHistory {
  readonly size: number
  readonly #path: string | undefined
  readonly #isSecret: (line: string) => boolean
  #lines: string[]

  constructor({ path, isSecret, size = 1000 }: CommandHistoryOptions) {
    this.#path = path
    this.#isSecret = isSecret
    this.size = size
    this.#lines = path === undefined ? [] : readFile(path).slice(0, size)
  }

  lines(): string[] {
    return [...this.#lines]
  }

  /** Takes readline's own list after each line, removes what is secret from it in place, and writes the file. */
  keep(lines: string[]): void {
    for (let index = lines.length - 1; index >= 0; index--) {
      const line = lines[index] ?? ''
      if (line.trim() === '' || line.length > MAX_KEPT_CHARS || this.#isSecret(line)) lines.splice(index, 1)
    }
    this.#lines = lines.slice(0, this.size)
    if (this.#path !== undefined) writeFile(this.#path, this.#lines)
  }
}

/** Oldest first in the file, as shells keep theirs. */
function readFile(path: string): string[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n')
    return lines.filter((line) => line !== '').reverse()
  } catch {
    return []
  }
}

function writeFile(path: string, newestFirst: readonly string[]): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const draft = `${path}.${process.pid}`
    writeFileSync(
      draft,
      newestFirst
        .toReversed()
        .map((line) => `${line}\n`)
        .join(''),
      { mode: 0o600 },
    )
    renameSync(draft, path)
  } catch {
    // Not writable: this run's history lives in memory.
  }
}

/** A longer line is a pasted message rather than a command; bounds the file, characters. */
const MAX_KEPT_CHARS = 2_000
