import { Directory, type DirectoryMethod } from '../../src/core/control/directory.ts'
import type { Departure } from '../../src/core/control/connections.ts'
import type { DirectoryEvent } from '../../src/core/control/events.ts'
import type { Params, Result } from '../../src/core/control/methods.ts'
import { MsgError } from '../../src/core/errors.ts'
import type { DirectoryLimits, NameChannel, Output } from '../../src/core/control/state.ts'
import type { DirectoryWrite } from '../../src/core/control/writes.ts'
import { MemoryStore } from '../../src/core/store/memory.ts'

/** Seconds of the lab's own clock, in microseconds. */
export const seconds = (n: number): number => n * 1_000_000

const LIMITS: DirectoryLimits = {
  connectionsPerUser: 4,
  roomsPerUser: 3,
  membersPerRoom: 4,
  sessionsPerUser: 3,
  ring: seconds(60),
  vanished: seconds(86_400),
}

/** What one connection was told, oldest first: `method {params}` as text, so that expectations read like a transcript. */
export type Transcript = string[]

/** A directory with a clock that the test turns, and connections that write down what they are told. */
export class DirectoryLab {
  readonly store = new MemoryStore()
  readonly told = new Map<number, Transcript>()
  readonly closed: number[] = []
  readonly events: DirectoryEvent[] = []
  readonly writes: DirectoryWrite[] = []
  /** Who became visible to others (`+Alice`), or is not any more (`-Alice`). */
  readonly seen: string[] = []
  /** True: the store cannot keep anything. */
  isDiskFull = false
  /** What became of channels. */
  readonly relay: Array<Extract<Output, { kind: 'channel' | 'channel-gone' | 'replaced' }>> = []
  directory: Directory
  now = seconds(1_000)
  readonly #limits: DirectoryLimits
  #lastId = 0

  readonly #nameChannel: NameChannel | undefined

  constructor(limits: Partial<DirectoryLimits> = {}, nameChannel?: NameChannel) {
    this.#nameChannel = nameChannel
    this.#limits = { ...LIMITS, ...limits }
    for (const name of ['Alice', 'Bob', 'Carol', 'Dave', 'Eve']) {
      this.store.createAccount({ user: name.toLowerCase(), name, verifier: '' })
    }
    this.directory = this.#create()
  }

  /** Signs in; by default as a listening connection on an instance named after the connection. */
  signIn(
    user: string,
    given: {
      instance?: string
      device?: string
      listening?: boolean
      observed?: string | null
      address?: string
      status?: 'inactive'
    } = {},
  ): number {
    const id = ++this.#lastId
    const account = this.store.account(user)
    if (!account) throw new Error(user)
    const { instance = `i${id}`, device = `d-${user}`, listening = true, observed = `192.0.2.${id}`, status } = given
    const { address = '192.0.2.9' } = given
    this.step((directory) => directory.signIn(this.now, id, { account, instance, device, listening, status, address }))
    if (observed !== null) this.see(id, observed)
    return id
  }

  /** The rendezvous port sees the connection. */
  see(id: number, host: string, port = 5_000): void {
    this.step((directory) => directory.handleObserved(id, { host, port }, true))
  }

  go(id: number, how: Departure = 'vanished'): void {
    this.step((directory) => directory.remove(this.now, id, how))
  }

  ask<M extends DirectoryMethod>(id: number, method: M, params: Params<M>): Result<M> {
    return this.step((directory) => directory.handleRequest(this.now, id, method, params))
  }

  /** An open session between the users of two connections, and nothing left unread. */
  session(a: number, b: number, users: readonly [string, string]): void {
    this.ask(a, 'session.open', { user: users[1] })
    this.ask(b, 'session.accept', { user: users[0] })
    this.forget()
  }

  /** Lets time pass, with every timer at its time. */
  pass(duration: number): void {
    const end = this.now + duration
    for (let at = this.directory.pollTimeout(); at !== undefined && at <= end; at = this.directory.pollTimeout()) {
      this.now = Math.max(this.now, at)
      this.step((directory) => directory.handleTimeout(this.now))
    }
    this.now = end
  }

  /** Stops as by kill -9 and starts again from the store; connections are gone without a word. */
  restart(): void {
    this.told.clear()
    this.directory = this.#create()
  }

  /** What a connection was told since the last time it was asked. */
  heard(id: number): Transcript {
    const transcript = this.told.get(id) ?? []
    this.told.delete(id)
    return transcript
  }

  /** Drops what everybody was told so far. */
  forget(): void {
    this.told.clear()
    this.events.length = 0
    this.relay.length = 0
    this.writes.length = 0
  }

  step<T>(act: (directory: Directory) => T): T {
    try {
      return act(this.directory)
    } finally {
      for (const output of this.directory.pollOutputs()) {
        if (output.kind === 'close') this.closed.push(output.connection)
        else if (output.kind === 'event') this.events.push(output.event)
        else if (output.kind === 'visible') this.seen.push(`${output.isVisible ? '+' : '-'}${output.user}`)
        else if (output.kind !== 'tell') this.relay.push(output)
        else {
          const line = `${output.method} ${Object.values(output.params as object)
            .map(text)
            .join(' ')}`
          this.told.set(output.to, [...(this.told.get(output.to) ?? []), line])
        }
      }
    }
  }

  #create(): Directory {
    return new Directory({
      accounts: this.store,
      keep: (writes) => {
        if (this.isDiskFull) throw new MsgError('MSG_ERR_STORAGE_FAILED', { detail: 'full' })
        this.writes.push(...writes)
        this.store.apply(writes)
      },
      limits: this.#limits,
      ...(this.#nameChannel ? { nameChannel: this.#nameChannel } : {}),
      snapshot: this.store.load(),
      now: this.now,
    })
  }
}

function text(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.map(({ host, port }: { host: string; port: number }) => `${host}:${port}`).join(' ')}]`
  return String(value)
}
