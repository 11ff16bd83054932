import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A line of the JSON contract. */
export type JsonLine = Readonly<Record<string, unknown>> & { readonly type: string }

/** A process that speaks JSON lines: what it said is kept, what is still to come can be awaited. */
export class JsonProcess {
  readonly lines: JsonLine[] = []
  readonly child: ChildProcess
  readonly #exited: Promise<unknown[]>
  readonly #waiting: Array<() => void> = []

  constructor([command, args]: [string, string[]], env: Readonly<Record<string, string>>) {
    this.child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#exited = once(this.child, 'exit')
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as JsonLine)
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  say(command: string): void {
    this.child.stdin!.write(`${command}\n`)
  }

  /** The first line, past or future, with these fields. The test's own timeout ends the wait. */
  until(fields: Readonly<Record<string, unknown>>): Promise<JsonLine> {
    return this.after(0, fields)
  }

  /** The same, of the lines from number `from` on. */
  async after(from: number, fields: Readonly<Record<string, unknown>>): Promise<JsonLine> {
    for (;;) {
      const found = this.lines
        .slice(from)
        .find((line) => Object.entries(fields).every(([key, value]) => line[key] === value))
      if (found) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Its exit status, once it has ended by itself; null when a signal ended it. */
  async status(): Promise<number | null> {
    return (await this.#exited)[0] as number | null
  }

  /** Ends the input, which leaves cleanly, and waits for the process. */
  async leave(): Promise<void> {
    this.child.stdin!.end()
    await this.#exited
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal)
    await this.#exited
  }
}
