import { spawn, type ChildProcess } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { Cause } from '../refusals.ts'
import { MARK } from './environment.ts'
import { Family, tasksOfSystem, threadsOfUser, type ProcessTable, type RunMark } from './family.ts'
import type { Guardian } from './guardian.ts'
import { wrap, type Wrappers } from './wrappers.ts'

/** What a command is started with. All of it was decided before. */
export interface RunOptions {
  /** Absolute. */
  readonly path: string
  /** The command as it was asked for is the first. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** What all that belongs to it inherits. */
  readonly mark: RunMark
  readonly limits: RunLimits
  /** Takes the next bytes of what it writes; nothing more is read until it resolves. @throws when nobody wants them any more */
  readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Buffer) => Promise<void>
}

/** How much a command may take. */
export interface RunLimits {
  /** From start to end. */
  readonly seconds: number
  /** Of both streams together. */
  readonly outputBytes: number
  /** At the same time, threads included. */
  readonly processes: number
  /** Address space of each process; no limit when missing. */
  readonly memoryBytes?: number | undefined
}

/** What became of a command. */
export interface Ended {
  readonly kind: 'code' | 'signal'
  /** 0 to 255. */
  readonly number: number
  readonly cause: Cause
  /** Bytes that were passed on. */
  readonly outputBytes: number
  /** From start to end. */
  readonly seconds: number
  /** Most threads that were seen at the same time; 0 when it was too short to be looked at. */
  readonly processes: number
  /** False when processes of it were still there at the last look. */
  readonly isClean: boolean
}

/** What a {@link Run} works with. */
export interface RunDeps {
  readonly wrappers: Wrappers
  /** `undefined` where the system has no list of processes. */
  readonly table: ProcessTable | undefined
  /** Milliseconds an asked command has before it is killed. @default 5000 */
  readonly graceMs?: number
  /** Milliseconds that output may wait for its reader once the command has ended. @default 60,000 */
  readonly leftoversMs?: number
  /** Ends what this process cannot end any more, once it is gone itself. */
  readonly guardian?: Pick<Guardian, 'watch'> | undefined
}

/** One command while it runs: in a session of its own, watched, and ended as a whole. */
export class Run {
  readonly #child: ChildProcess
  readonly #options: RunOptions
  readonly #deps: RunDeps
  readonly #family: Family | undefined
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #startedAt = performance.now()
  #cause: Cause = 'none'
  #outputBytes = 0
  #most = 0
  #baseline = tasksOfSystem()
  #lastLook = 0
  #isClean = true
  #isOver = false
  #hasAsked = false
  /** Resolves when output is not waited for any more. */
  readonly #abandoned: Promise<void>
  #abandon!: () => void
  /** What became of it, once all of it has ended and its output was passed on. */
  readonly ended: Promise<Ended>

  private constructor(child: ChildProcess, options: RunOptions, deps: RunDeps) {
    this.#child = child
    this.#options = options
    this.#deps = deps
    this.#abandoned = new Promise((resolve) => (this.#abandon = resolve))
    if (deps.table) this.#family = new Family(deps.table, child.pid!, options.mark)
    const release = deps.guardian?.watch(child.pid!, options.mark)
    this.ended = this.#follow().finally(release)
  }

  /** @throws what the system says when it cannot be started. */
  static async start(options: RunOptions, deps: RunDeps): Promise<Run> {
    const { path, argv, cwd, env, limits, mark } = options
    const uid = process.getuid?.() ?? 0
    const threads = deps.table && uid !== 0 ? threadsOfUser(uid) + limits.processes + SPARE : undefined
    const system = { threads, memoryBytes: limits.memoryBytes, locks: mark.locks }
    const [file, ...args] = wrap(deps.wrappers, system, [path, ...argv.slice(1)])
    const child = spawn(file, args, {
      cwd,
      env: { ...env, [MARK]: mark.variable },
      shell: false,
      detached: true,
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(file === path ? { argv0: argv[0]! } : {}),
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    // Whoever watches comes before who is watched.
    tryTo(() => setPriority(child.pid!, NICE))
    return new Run(child, options, deps)
  }

  get pid(): number {
    return this.#child.pid!
  }

  get stdin(): Writable {
    return this.#child.stdin!
  }

  /** Sends a signal to the group; what has not ended when the grace is over is killed. */
  signal(name: NodeJS.Signals): void {
    if (this.#isOver) return
    if (this.#family) this.#family.signalGroup(name)
    else tryTo(() => process.kill(-this.pid, name))
    if (this.#hasAsked) return
    this.#hasAsked = true
    this.#after(this.#deps.graceMs ?? GRACE_MS, () => this.end('stopped'))
  }

  /** Kills all of it. The first cause counts. */
  end(cause: Exclude<Cause, 'none'>): void {
    if (this.#isOver) return
    if (this.#cause === 'none' && this.#child.exitCode === null && this.#child.signalCode === null) this.#cause = cause
    this.#sweep()
    if (cause === 'closing') this.#after(CLOSING_MS, () => this.#giveUpOutput())
  }

  #sweep(): void {
    this.#isClean = this.#family?.end() ?? tryTo(() => process.kill(-this.pid, 'SIGKILL')) ?? true
    if (!this.#isClean && !this.#isOver) this.#after(RETRY_MS, () => this.#sweep())
  }

  async #follow(): Promise<Ended> {
    const child = this.#child
    const { limits } = this.#options
    this.#after(limits.seconds * 1000, () => this.end('time'))
    const watch = setInterval(() => this.#watch(), WATCH_MS)
    child.stdin!.on('error', () => {})
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const pumped = Promise.all([this.#pump('stdout', child.stdout!), this.#pump('stderr', child.stderr!)])
    await exited
    // What it has left behind ends with it.
    this.#sweep()
    clearInterval(watch)
    // Output that nobody takes is not kept for ever.
    this.#after(this.#deps.leftoversMs ?? LEFTOVERS_MS, () => this.#giveUpOutput())
    await pumped
    this.#isOver = true
    for (const timer of this.#timers) clearTimeout(timer)
    if (!this.#isClean) this.#isClean = this.#family?.end() ?? true
    const { exitCode, signalCode } = child
    return {
      kind: signalCode === null ? 'code' : 'signal',
      number: signalCode === null ? (exitCode ?? 0) : (constants.signals[signalCode] ?? 0),
      cause: this.#cause,
      outputBytes: this.#outputBytes,
      seconds: (performance.now() - this.#startedAt) / 1000,
      processes: this.#most,
      isClean: this.#isClean,
    }
  }

  /** What was not taken is lost, and that is said. */
  #giveUpOutput(): void {
    if (this.#isOver) return
    if (this.#cause === 'none') this.#cause = 'link'
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.destroy()
    this.#abandon()
  }

  async #pump(name: 'stdout' | 'stderr', stream: Readable): Promise<void> {
    const { limits, onOutput } = this.#options
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const left = limits.outputBytes - this.#outputBytes
        const bytes = chunk.subarray(0, left)
        this.#outputBytes += bytes.byteLength
        if (bytes.byteLength > 0) await Promise.race([onOutput(name, bytes), this.#abandoned])
        if (chunk.byteLength > left) this.end('output')
        if (this.#cause === 'output') return
      }
    } catch {
      // Nobody takes it any more, or the pipe was torn.
      this.end('link')
    }
  }

  /** How many tasks the whole system has is read often, since that is cheap; who they are when there are more, or some time has passed. */
  #watch(): void {
    const family = this.#family
    if (!family) return
    const { processes } = this.#options.limits
    const tasks = tasksOfSystem()
    const now = performance.now()
    const isGrowing = tasks - this.#baseline > processes / 4
    if (!isGrowing && now - this.#lastLook < LOOK_MS) return
    // What may be a bomb stands still while it is looked at: the list of processes takes longer than they need to double.
    const isSuspect = tasks - this.#baseline > processes
    if (isSuspect) family.signalGroup('SIGSTOP')
    const { threads } = family.look()
    if (isSuspect && threads <= processes) family.signalGroup('SIGCONT')
    this.#baseline = tasks
    const took = performance.now() - now
    // A long list is looked at less often, at most a twentieth of the time, unless it grows.
    this.#lastLook = performance.now() + Math.min(20 * took, 2_000) - LOOK_MS
    this.#most = Math.max(this.#most, threads)
    if (threads > processes) this.end('processes')
  }

  #after(ms: number, fn: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      fn()
    }, ms)
    this.#timers.add(timer)
  }
}

function tryTo(step: () => boolean | void): boolean | undefined {
  try {
    return step() ?? true
  } catch {
    return undefined
  }
}

const GRACE_MS = 5_000
const WATCH_MS = 15
const LOOK_MS = 250
const RETRY_MS = 50
/** How long output that is left when a command has ended may wait for its reader. */
const LEFTOVERS_MS = 60_000
/** The same when this side leaves. */
const CLOSING_MS = 1_000
const NICE = 5
/** The system stops what grows faster than it is looked at; what is over the limit by less than this is seen, and ended. */
const SPARE = 32
