import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LinkStats, SocketAddress } from '../../src/core/transport/endpoint-api.ts'

/** What is asked of a process with an endpoint. Peers are named by the seed of their keys. */
export type LinkRequest =
  | { readonly do: 'expect'; readonly peer: number }
  | { readonly do: 'connect'; readonly peer: number; readonly address: SocketAddress }
  /** Writes on the first stream whenever there is room, or stops. */
  | { readonly do: 'pump'; readonly on: boolean }
  | { readonly do: 'report' }

/** What it answers. */
export interface LinkReport {
  readonly address: SocketAddress
  readonly isOpen: boolean
  /** Why the link closed, or nothing. */
  readonly closed: string
  /** Bytes taken for sending, and bytes that came. */
  readonly pumped: number
  readonly received: number
  /** Longest time without bytes since the last report, milliseconds. */
  readonly silenceMs: number
  /** Heap and buffers, bytes. */
  readonly memory: number
  readonly stats: LinkStats | undefined
}

/** A link endpoint in a process of its own. */
export class LinkProcess {
  readonly address: SocketAddress
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, address: SocketAddress) {
    this.#child = child
    this.address = address
  }

  /** @param seed - 1 to 255, names its keys. @param namespace - network namespace to run in. @default this one */
  static async start(seed: number, host: string, namespace?: string, maxDatagramSize = 1_452): Promise<LinkProcess> {
    const node = [process.execPath, '--import', 'tsx', ENTRY, String(seed), host, String(maxDatagramSize)]
    const [command, ...args] = namespace === undefined ? node : ['ip', 'netns', 'exec', namespace, ...node]
    const child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const [{ address }] = (await once(child, 'message')) as [LinkReport]
    return new LinkProcess(child, address)
  }

  async ask(request: LinkRequest): Promise<LinkReport> {
    const answered = once(this.#child, 'message') as Promise<[LinkReport & { error?: string }]>
    this.#child.send(request)
    const [{ error, ...report }] = await answered
    if (error !== undefined) throw new Error(error)
    return report
  }

  report(): Promise<LinkReport> {
    return this.ask({ do: 'report' })
  }

  /** Holds the process still, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

const ENTRY = fileURLToPath(new URL('../fixtures/link-process.ts', import.meta.url))
