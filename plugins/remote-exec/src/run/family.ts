import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { MARK } from './environment.ts'

/** One process, as the system lists it. */
export interface ProcessLine {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly threads: number
  /** When it started, in ticks since the system did: tells a process from a later one with the same number. */
  readonly started: number
}

/** What a run's processes inherit, whatever becomes of their group and their parent. */
export interface RunMark {
  /** Value of a variable of the environment, which programs may clear. */
  readonly variable: string
  /**
   * How many file locks each may hold: a limit that Linux has had no use for since 2.4.25, that children inherit, and that only root can raise again.
   * Random, so that it names the run.
   */
  readonly locks: number
}

/** The list of processes, where the system has one. */
export interface ProcessTable {
  list(): ProcessLine[]
  /** True when a process carries a run's mark: by its environment, or by its limit of locks. */
  hasMark(pid: number, mark: RunMark): boolean
  kill(pid: number, signal: NodeJS.Signals): void
}

/**
 * All processes of one run: the group and the session it began with, the children of those and theirs, and whoever carries its mark.
 *
 * What left group and session is followed by parentage, and by the mark once its parent is gone. Lost is only who left both, lost its parent
 * has changed its environment and this limit, all between two looks; and what some other service was asked to start.
 */
export class Family {
  readonly #table: ProcessTable
  readonly #leader: number
  readonly #mark: RunMark
  /** Members, and when each started. */
  #members = new Map<number, number>()
  /** Processes that were looked at and are strangers, and when each started. */
  #strangers = new Map<number, number>()
  #born: number | undefined

  constructor(table: ProcessTable, leader: number, mark: RunMark) {
    this.#table = table
    this.#leader = leader
    this.#mark = mark
  }

  /** Looks again. @returns how many threads of how many processes there are */
  look(): { processes: number; threads: number } {
    const lines = this.#table.list()
    this.#born ??= lines.find(({ pid }) => pid === this.#leader)?.started
    const members = new Map<number, number>()
    const strangers = new Map<number, number>()
    const unknown: ProcessLine[] = []
    let threads = 0
    for (const line of lines) {
      const { pid, group, session, started } = line
      // The number of a leader that is gone is not given away while its group lasts.
      const isOld = this.#members.get(pid) === started
      if (isOld || group === this.#leader || session === this.#leader) members.set(pid, started)
      else unknown.push(line)
    }
    let hasMore = true
    while (hasMore) {
      hasMore = false
      for (const { pid, parent, started } of unknown)
        if (!members.has(pid) && members.has(parent)) {
          members.set(pid, started)
          hasMore = true
        }
    }
    for (const { pid, started } of unknown) {
      if (members.has(pid)) continue
      if (started < (this.#born ?? 0) || this.#strangers.get(pid) === started) {
        strangers.set(pid, started)
        continue
      }
      // Marks are inherited: who has none will have none.
      if (this.#table.hasMark(pid, this.#mark)) members.set(pid, started)
      else strangers.set(pid, started)
    }
    for (const { pid, threads: own } of lines) if (members.has(pid)) threads += own
    this.#members = members
    this.#strangers = strangers
    return { processes: members.size, threads }
  }

  /** Numbers of the members as of the last look. */
  get pids(): number[] {
    return [...this.#members.keys()]
  }

  /** To the group as it is at this moment, all of it at once. */
  signalGroup(signal: NodeJS.Signals): void {
    this.#table.kill(-this.#leader, signal)
  }

  /**
   * Ends all of it: the group at once, then whoever left it: stopped first, so that none makes another while the rest is found.
   *
   * @returns false when some were still there at the last look.
   */
  end(): boolean {
    this.signalGroup('SIGKILL')
    for (let round = 0; round < ROUNDS; round++) {
      if (this.look().processes === 0) return true
      for (const pid of this.pids) this.#table.kill(pid, 'SIGSTOP')
      const before = this.#members.size
      this.look()
      if (this.#members.size <= before || round > ROUNDS / 2)
        for (const pid of this.pids) this.#table.kill(pid, 'SIGKILL')
    }
    return this.look().processes === 0
  }
}

/** How often whoever is left is looked for. */
const ROUNDS = 24

/** The list that Linux has in `/proc`; `undefined` elsewhere. */
export function procTable(root = '/proc'): ProcessTable | undefined {
  try {
    if (readLine(root, process.pid) === undefined) return undefined
  } catch {
    return undefined
  }
  return {
    list: () =>
      readdirSync(root).flatMap((name) => {
        const line = DIGITS.test(name) ? readLine(root, Number(name)) : undefined
        return line === undefined ? [] : [line]
      }),
    hasMark(pid, { variable, locks }) {
      const limits = readText(`${root}/${pid}/limits`)
      if (limits !== undefined && LOCKS.exec(limits)?.[1] === String(locks)) return true
      return readText(`${root}/${pid}/environ`)?.split('\0').includes(`${MARK}=${variable}`) ?? false
    },
    kill(pid, signal) {
      try {
        process.kill(pid, signal)
      } catch {
        // It is gone.
      }
    },
  }
}

/** Threads of all processes of a user: what the system's own limit counts. */
export function threadsOfUser(uid: number, root = '/proc'): number {
  let threads = 0
  for (const name of readdirSync(root)) {
    if (!DIGITS.test(name)) continue
    try {
      if (statSync(`${root}/${name}`).uid === uid) threads += readLine(root, Number(name))?.threads ?? 0
    } catch {
      // It is gone.
    }
  }
  return threads
}

/** @returns `undefined` for one that is gone or is only waited for by its parent. */
function readLine(root: string, pid: number): ProcessLine | undefined {
  const text = readText(`${root}/${pid}/stat`)
  if (text === undefined) return undefined
  // The name stands in parentheses and may hold any character.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  const [parent, group, session] = fields.slice(1, 4).map(Number) as [number, number, number]
  return { pid, parent, group, session, threads: Number(fields[17]), started: Number(fields[19]) }
}

/** Up to 64 KiB of a file: what is read 66 times a second makes no garbage. */
function readText(path: string): string | undefined {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    return BUFFER.toString('latin1', 0, readSync(file, BUFFER))
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Tasks of the whole system, 0 where that is not told. */
export function tasksOfSystem(): number {
  return Number(readText('/proc/loadavg')?.split(' ')[3]?.split('/')[1] ?? 0)
}

/** A mark that no other run has. @param ceiling - the number of locks this process may give away, Infinity for any */
export function newMark(ceiling = ownLocks()): RunMark {
  const bytes = randomBytes(16)
  const locks = Number.isFinite(ceiling) ? bytes.readUIntBE(0, 6) % ceiling : bytes.readUIntBE(0, 6)
  return { variable: bytes.toString('hex'), locks }
}

const ownLocks = (): number => Number(LOCKS.exec(readText('/proc/self/limits') ?? '')?.[1] ?? Infinity) || Infinity
/** The hard limit. */
const LOCKS = /^Max file locks +\S+ +(\S+)/mu
const BUFFER = Buffer.alloc(65_536)
const DIGITS = /^\d+$/u
