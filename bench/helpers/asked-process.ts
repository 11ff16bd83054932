import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** How an {@link AskedProcess} is started. */
export interface AskedProcessOptions {
  /** Network namespace to run in. @default this one */
  readonly namespace?: string | undefined
  /** Arguments of node itself. */
  readonly nodeArgs?: readonly string[]
  /** Milliseconds it has to end by itself once asked. @default 1,000 */
  readonly closeTimeoutMs?: number
}

/** A process of this project that is asked things over its message channel, one at a time, and is gone when that closes. */
export class AskedProcess<Request extends { readonly do: string }, Answer extends { readonly error?: string }> {
  readonly #child: ChildProcess
  readonly #closeTimeoutMs: number

  /** @param script - arguments of node, as `scriptArgs` makes them. */
  constructor(script: readonly string[], { namespace, nodeArgs = [], closeTimeoutMs = 1_000 }: AskedProcessOptions) {
    const node = [process.execPath, ...nodeArgs, ...script]
    const [command, ...args] = namespace === undefined ? node : ['ip', 'netns', 'exec', namespace, ...node]
    this.#child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' })
    this.#closeTimeoutMs = closeTimeoutMs
  }

  /** One request at a time. @throws what went wrong there, or that the process ended. */
  async ask(request: Request): Promise<Answer> {
    this.#child.send(request)
    const answer = await new Promise<Answer>((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`${request.do}: the process ended with ${code}`))
      this.#child.once('exit', onExit)
      this.#child.once('message', (message) => {
        this.#child.off('exit', onExit)
        resolve(message as Answer)
      })
    })
    if (answer.error !== undefined) throw new Error(`${request.do}: ${answer.error}`)
    return answer
  }

  /** Asks for its end, and ends it when that takes too long. */
  async close(goodbye: Request): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), this.#closeTimeoutMs)
    await this.ask(goodbye).catch(() => {})
    if (this.#child.connected) this.#child.disconnect()
    await exited
    clearTimeout(killer)
  }
}

/** The other end of an {@link AskedProcess}: answers what it is asked, and ends with the channel. */
export function answerRequests<Request, Answer>(handle: (request: Request) => Promise<Partial<Answer>>): void {
  process.on('message', (request: Request) => {
    handle(request).then(
      (answer) => process.send!(answer),
      (error: unknown) => process.send!({ error: String(error) }),
    )
  })
  process.on('disconnect', () => process.exit(0))
}
