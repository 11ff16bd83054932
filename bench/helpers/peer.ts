import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a benchmark asks of a client in another process, and what that answers. */
export type PeerRequest =
  | { do: 'start'; server: string; user: string; dataDir: string }
  | { do: 'open'; user: string }
  | { do: 'create' | 'enter'; room: string }
  /** Sends `count` messages of `bytes` each, at most `window` unanswered; `gapMs` apart when that is above 0. */
  | { do: 'send'; count: number; bytes: number; window: number; gapMs: number }
  | { do: 'await'; count: number }
  | { do: 'close' }

/** `at` is microseconds since 1970 on this machine's clock. */
export interface PeerAnswer {
  readonly at: number
  /** One-way delay of each message received since the last answer, microseconds. */
  readonly latencies?: readonly number[]
  readonly error?: string
}

/** A client in a process of its own. */
export class Peer {
  readonly #child: ChildProcess

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./peer-process.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  }

  async ask(request: PeerRequest): Promise<PeerAnswer> {
    this.#child.send(request)
    const [answer] = (await once(this.#child, 'message')) as [PeerAnswer]
    if (answer.error) throw new Error(`${request.do}: ${answer.error}`)
    return answer
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit')
    await this.ask({ do: 'close' })
    this.#child.disconnect()
    await exited
  }
}
