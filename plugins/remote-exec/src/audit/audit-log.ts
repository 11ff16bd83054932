import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { auditLine, FIRST, hashOf, verifyChain, type AuditFacts, type Break } from './chain.ts'

/** Where a log is, and how much of it is kept. */
export interface AuditOptions {
  /** Made when it is missing; for its owner only. */
  readonly folder: string
  /** Size at which the file is put aside, bytes. @default 4 MiB */
  readonly maxBytes?: number
  /** Files that were put aside and are kept. @default 4 */
  readonly keep?: number
}

/**
 * What was asked, what ran and how it ended: lines of JSON that are only ever appended, each with the hash of the one before.
 *
 * A line is on the disk when {@link append} returns: whatever is done because of it comes later. Several processes may write to one log; each takes its
 * turn, and goes on from what the others wrote.
 */
export class AuditLog {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #keep: number

  constructor({ folder, maxBytes = 4 * 2 ** 20, keep = 4 }: AuditOptions) {
    this.#folder = folder
    this.#maxBytes = maxBytes
    this.#keep = keep
  }

  /** The file that is written to. */
  get path(): string {
    return join(this.#folder, 'audit.jsonl')
  }

  /** @throws what the system says when it cannot be written: then nothing may be done that depends on it. */
  append(facts: AuditFacts): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    this.#inTurn(() => {
      const previous = this.#lastHash()
      const line = Buffer.from(`${auditLine(previous, facts)}\n`)
      const file = this.#open()
      try {
        const { size } = fstatSync(file)
        // Half a line that a dying process left is a line of its own, which the chain shows.
        const bytes = size > 0 && !this.#endsLine(file, size) ? Buffer.concat([Buffer.from('\n'), line]) : line
        if (writeSync(file, bytes) !== bytes.byteLength) throw new Error('the audit log took a part of a line only')
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    })
  }

  /** The newest records, oldest first. */
  last(count: number): AuditFacts[] {
    return this.#files()
      .slice(-2)
      .flatMap((path) => linesOf(path))
      .slice(-count)
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as AuditFacts]
        } catch {
          return []
        }
      })
  }

  /** Follows the chain through all files that are kept. */
  verify(): Break | undefined {
    const files = this.#files()
    const isWhole = files.length > 0 && files.length <= this.#keep
    return verifyChain(
      files.flatMap((path) => linesOf(path)),
      isWhole ? FIRST : undefined,
    )
  }

  #open(): number {
    const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW = 0 } = constants
    const file = openSync(this.path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
    const { size, mode } = fstatSync(file)
    const isOpenToOthers = process.platform !== 'win32' && (mode & 0o077) !== 0
    if (!isOpenToOthers && size < this.#maxBytes) return file
    closeSync(file)
    if (isOpenToOthers) throw new Error(`${this.path} may be read or written by others`)
    this.#rotate()
    return this.#open()
  }

  #rotate(): void {
    for (let i = this.#keep; i >= 1; i--) {
      const from = i === 1 ? this.path : this.#aside(i - 1)
      if (existsSync(from)) renameSync(from, this.#aside(i))
    }
  }

  #aside(i: number): string {
    return join(this.#folder, `audit.${i}.jsonl`)
  }

  /** Oldest first. */
  #files(): string[] {
    const aside = Array.from({ length: this.#keep }, (_, i) => this.#aside(this.#keep - i))
    return [...aside, this.path].filter((path) => existsSync(path))
  }

  #lastHash(): string {
    for (const path of this.#files().reverse()) {
      const line = lastLine(path)
      if (line !== undefined) return hashOf(line)
    }
    return FIRST
  }

  #endsLine(file: number, size: number): boolean {
    const end = Buffer.alloc(1)
    readSync(file, end, 0, 1, size - 1)
    return end[0] === LF
  }

  /** One process at a time. What a dead one has left is taken away. */
  #inTurn(step: () => void): void {
    const lock = `${this.path}.lock`
    const deadline = Date.now() + TURN_MS
    for (;;) {
      try {
        const file = openSync(lock, 'wx', 0o600)
        try {
          writeSync(file, String(process.pid))
        } catch (error) {
          // Without room for a number it would be nobody's for ever.
          rmSync(lock, { force: true })
          throw error
        } finally {
          closeSync(file)
        }
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        if (isAbandoned(lock)) rmSync(lock, { force: true })
        else if (Date.now() > deadline) throw new Error('another process holds the audit log', { cause: error })
        else Atomics.wait(NOTHING, 0, 0, 2)
      }
    }
    try {
      step()
    } finally {
      rmSync(lock, { force: true })
    }
  }
}

function isAbandoned(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'latin1'))
    // This process takes one turn at a time: its number is that of one before it.
    if (pid === process.pid) return true
    if (pid > 0) process.kill(pid, 0)
    else return Date.now() - statSync(lock).mtimeMs > TURN_MS
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}

/** @returns `undefined` for an empty file. */
function lastLine(path: string): string | undefined {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    for (let length = TAIL; ; length *= 8) {
      const bytes = Buffer.alloc(Math.min(length, size))
      readSync(file, bytes, 0, bytes.byteLength, size - bytes.byteLength)
      const lines = bytes
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
      // The first of several may be cut.
      if (lines.length > 1 || bytes.byteLength === size) return lines.at(-1)
    }
  } finally {
    closeSync(file)
  }
}

const LF = 0x0a
/** How long another process may hold the log, milliseconds; a line takes a few. */
const TURN_MS = 2_000
/** Bytes in which the last line is looked for first. */
const TAIL = 8_192
const NOTHING = new Int32Array(new SharedArrayBuffer(4))
