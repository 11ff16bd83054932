import { spawn, type ChildProcess } from 'node:child_process'
import { MsgError } from '../../core/errors.ts'
import { deferred } from '../deferred.ts'
import { readLines } from '../lines/read-lines.ts'

/** One line of the JSON contract, as a child process printed it. */
export type JsonLine = Readonly<Record<string, unknown>> & { readonly type: string }

/** How a {@link JsonChild} is started. */
export interface JsonChildOptions {
  /** Shown in errors. */
  readonly name: string
  /** The program's own script. */
  readonly bin: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

/** A `msg … --json` process that is spoken to in lines: what a script would do by hand. */
export class JsonChild {
  readonly name: string
  readonly #process: ChildProcess
  /** Everything it has printed so far. */
  readonly lines: JsonLine[] = []
  readonly #waiting = new Set<() => void>()
  readonly #exited: Promise<number>
  #asked = 0
  #isOver = false
  #complaint = ''

  constructor({ name, bin, args, cwd, env }: JsonChildOptions) {
    this.name = name
    this.#process = spawn(process.execPath, [bin, ...args, '--json'], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
    const { promise, resolve } = deferred<number>()
    this.#exited = promise
    this.#process.once('exit', (code) => {
      this.#isOver = true
      this.#wake()
      resolve(code ?? 1)
    })
    this.#process.once('error', (error) => {
      this.#complaint = error.message
      this.#isOver = true
      this.#wake()
      resolve(1)
    })
    // A child that died is told by its exit; writing to it meanwhile is no error of its own.
    this.#process.stdin?.on('error', () => {})
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#complaint = `${this.#complaint}${chunk.toString()}`.slice(-COMPLAINT_CHARS)
    })
    void this.#read()
  }

  /** Types a command and waits for its answer. @throws MSG_ERR_INTERNAL when it failed. */
  async ask(command: string): Promise<JsonLine> {
    this.#asked += 1
    const number = this.#asked
    this.#process.stdin?.write(`${command}\n`)
    const answer = await this.#first(() => this.lines.filter(({ type }) => type === 'result')[number - 1], command)
    if (answer['ok'] !== true) throw failed(`${this.name}: ${command.split(' ')[0]}: ${String(answer['message'])}`)
    return answer
  }

  /** The first line of `type` that fits, printed earlier or later. @throws MSG_ERR_INTERNAL when it does not come in time. */
  async line(type: string, fits: (line: JsonLine) => boolean = () => true): Promise<JsonLine> {
    return await this.#first(() => this.lines.find((line) => line.type === type && fits(line)), type)
  }

  /** Ends the child's input and waits until it has left by itself. @returns its exit status. */
  async end(): Promise<number> {
    this.#process.stdin?.end()
    return await this.#exited
  }

  /** Asks it to leave with SIGTERM, and ends it after `patienceMs`; at once when that is 0. */
  async stop(patienceMs = STOP_PATIENCE_MS): Promise<void> {
    if (this.#isOver) return
    this.#process.kill(patienceMs === 0 ? 'SIGKILL' : 'SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), patienceMs)
    await this.#exited
    clearTimeout(timer)
  }

  async #read(): Promise<void> {
    if (this.#process.stdout === null) return
    for await (const line of readLines(this.#process.stdout)) {
      if (typeof line !== 'string') continue
      try {
        this.lines.push(JSON.parse(line) as JsonLine)
      } catch {
        this.#complaint = `printed what is not JSON: ${line.slice(0, COMPLAINT_CHARS)}`
      }
      this.#wake()
    }
  }

  async #first(look: () => JsonLine | undefined, what: string): Promise<JsonLine> {
    const deadline = performance.now() + ANSWER_PATIENCE_MS
    for (;;) {
      const found = look()
      if (found) return found
      const error = this.lines.find(({ type }) => type === 'error')
      if (error) throw failed(`${this.name}: ${String(error['message'])}`)
      if (this.#isOver) throw failed(`${this.name} ended without ${what}: ${this.#complaint.trim()}`)
      const { promise, resolve } = deferred()
      this.#waiting.add(resolve)
      const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()))
      await promise
      clearTimeout(timer)
      if (performance.now() >= deadline) throw failed(`${this.name} did not answer ${what} in time`)
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

function failed(detail: string): MsgError {
  return new MsgError('MSG_ERR_INTERNAL', { detail })
}

/** Generous for a slow, loaded machine, milliseconds. */
const ANSWER_PATIENCE_MS = 30_000
const STOP_PATIENCE_MS = 5_000
/** The end of what a child complained, characters. */
const COMPLAINT_CHARS = 2_000
