import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TransferEvent } from '../../src/core/transfers/api.ts'
import { World } from './world.ts'

/** What a client process tells the test. */
export interface Told {
  readonly ready?: boolean
  readonly heard?: string
  readonly sent?: string
  readonly id?: string
  /** Of transfers. */
  readonly event?: TransferEvent
}

/** A client process and what it told. */
export class ClientProcess {
  readonly child: ChildProcess
  readonly told: Told[] = []
  #wake: () => void = () => {}

  constructor(world: World, user: string, password = '') {
    this.child = fork(FIXTURE, [world.address, join(world.dir, user), user, password], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.child.on('message', (message) => {
      this.told.push(message as Told)
      this.#wake()
    })
  }

  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  ready(): Promise<void> {
    return this.until(() => this.told.some(({ ready }) => ready))
  }

  tell(command: object): void {
    this.child.send(command)
  }

  /** Waits for an event of a transfer. */
  async transfer<T extends TransferEvent['type']>(
    type: T,
    fits: (event: Extract<TransferEvent, { type: T }>) => boolean = () => true,
  ): Promise<Extract<TransferEvent, { type: T }>> {
    const find = (): Extract<TransferEvent, { type: T }> | undefined =>
      this.told
        .flatMap(({ event }) => (event?.type === type ? [event as Extract<TransferEvent, { type: T }>] : []))
        .find(fits)
    await this.until(() => find() !== undefined)
    return find()!
  }

  heard(): string[] {
    return this.told.flatMap(({ heard }) => heard ?? [])
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const gone = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await gone
  }

  async quit(): Promise<void> {
    const gone = once(this.child, 'exit')
    this.tell({ quit: true })
    await gone
  }
}

const FIXTURE = fileURLToPath(new URL('../fixtures/client-process.ts', import.meta.url))

/** A server for each test of the calling `describe`, and client processes that are gone after it. */
export function useClientProcesses(): {
  readonly world: () => World
  /** @param password - of somebody new; without it the kept sign-in is used. */
  readonly start: (user: string, password?: string) => Promise<ClientProcess>
} {
  let world: World
  const processes: ClientProcess[] = []
  beforeEach(async () => {
    world = await World.start()
  })
  afterEach(async () => {
    for (const one of processes.splice(0)) await one.kill()
    await world.end()
  })
  return {
    world: () => world,
    async start(user, password = '') {
      const made = new ClientProcess(world, user, password)
      processes.push(made)
      await made.ready()
      return made
    },
  }
}
