import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import type { Path } from './path.ts'
import type { RelayCounts, RelayOptions } from './relay.ts'
import { scriptArgs } from './script.ts'

/** What is asked of the emulator's process, and what it answers. */
export type EmulatorRequest =
  | { readonly do: 'open'; readonly options: RelayOptions }
  | { readonly do: 'change'; readonly changes: Partial<Path> }
  | { readonly do: 'rebind'; readonly side: 'dialer' | 'answerer'; readonly host: string | undefined }
  | { readonly do: 'count' }

export interface EmulatorAnswer {
  readonly addresses: readonly SocketAddress[]
  readonly counts: RelayCounts
  readonly error?: string
}

/** A {@link Relay} in a process of its own: an emulated link between real sockets on this machine. */
export class Emulator {
  /** Where to send what should reach each target, in the order of the doors. */
  readonly addresses: readonly SocketAddress[]
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, addresses: readonly SocketAddress[]) {
    this.#child = child
    this.addresses = addresses
  }

  /** @param namespace - network namespace to run in. @default this one */
  static async start(options: RelayOptions, namespace?: string): Promise<Emulator> {
    const node = [process.execPath, ...scriptArgs('./emulator-process', import.meta.url)]
    const [command, ...args] = namespace === undefined ? node : ['ip', 'netns', 'exec', namespace, ...node]
    // 'advanced' carries Infinity, which JSON does not.
    const child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' })
    try {
      return new Emulator(child, (await ask(child, { do: 'open', options })).addresses)
    } catch (error) {
      child.kill()
      throw error
    }
  }

  async change(changes: Partial<Path>): Promise<void> {
    await ask(this.#child, { do: 'change', changes })
  }

  /**
   * Gives one side of every flow a new source port.
   *
   * @param side - whose address changes in the other's eyes. @param host - its new address. @default the one it has
   */
  async rebind(side: 'dialer' | 'answerer' = 'dialer', host?: string): Promise<void> {
    await ask(this.#child, { do: 'rebind', side, host })
  }

  async counts(): Promise<RelayCounts> {
    return (await ask(this.#child, { do: 'count' })).counts
  }

  /** @returns the counts at the end. */
  async stop(): Promise<RelayCounts> {
    const counts = await this.counts()
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
    return counts
  }
}

async function ask(child: ChildProcess, request: EmulatorRequest): Promise<EmulatorAnswer> {
  const gone = new AbortController()
  const exited = once(child, 'exit', { signal: gone.signal }).then(([code]) => {
    throw new Error(`the emulator ended with ${code}`)
  })
  const answered = once(child, 'message', { signal: gone.signal }) as Promise<[EmulatorAnswer]>
  answered.catch(() => {})
  exited.catch(() => {})
  child.send(request)
  try {
    const [answer] = await Promise.race([answered, exited])
    if (answer.error !== undefined) throw new Error(`emulator, ${request.do}: ${answer.error}`)
    return answer
  } finally {
    gone.abort()
  }
}
