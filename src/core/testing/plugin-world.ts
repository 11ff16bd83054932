import { setTimeout } from 'node:timers/promises'
import { MsgError } from '../errors.ts'
import type { ConfiguredPlugin, PluginStatus } from '../plugins/define.ts'
import type { HostDeps } from '../plugins/loaded-plugin.ts'
import type { Facts } from '../plugins/scope-api.ts'
import { ServerPlugins } from '../plugins/server-plugins.ts'
import type { ServerEvent } from '../server/api.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryStorage } from './memory-storage.ts'
import { runCommand, type TestValues } from './test-command.ts'
import { TestClient, type TestClientOptions } from './test-client.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import { TestNode } from './test-node.ts'

/** What {@link PluginWorld.start} takes. */
export interface PluginWorldOptions {
  /** Server halves. @default none */
  readonly server?: readonly ConfiguredPlugin[]
  /** Client halves that every client has unless it is given others. @default none */
  readonly client?: readonly ConfiguredPlugin[]
  /** One way of everything that travels, milliseconds. @default 10 */
  readonly delayMs?: number
  /** Share of the datagrams of links that are lost, 0 to 1. @default 0 */
  readonly loss?: number
  /** The same seed, the same run. @default 1 */
  readonly seed?: number
  /** Milliseconds since 1970. @default 2026-01-01 */
  readonly startAt?: number
}

/** What a plugin told with `scope.event`. */
export interface ToldEvent {
  readonly plugin: string
  readonly name: string
  readonly text: string
  readonly facts: Facts
}

/**
 * A server with clients, all in memory and in the time of one clock, that run plugins as they run in `msg`: the hosts and the links are the
 * real ones. Signing in is a word; there are no accounts, rooms and messages.
 */
export class PluginWorld {
  readonly clock: ManualClock
  readonly network: SimulatedNetwork
  /** What the server half told. */
  readonly events: ToldEvent[] = []
  /** What plugins did wrong, on either side: `id: message`. */
  readonly faults: string[] = []
  readonly delayMs: number
  readonly node: TestNode
  readonly #options: PluginWorldOptions
  readonly #plugins: ServerPlugins
  readonly #clients = new Map<string, TestClient>()
  /** Instances that count as presence, as `user/instance`. */
  readonly #present = new Set<string>()
  readonly #invisible = new Set<string>()
  readonly #stores = new Map<string, MemoryStorage>()
  #lastInstance = 0

  private constructor(options: PluginWorldOptions) {
    const { delayMs = 10, loss = 0, seed = 1, startAt = Date.UTC(2026, 0, 1) } = options
    this.#options = options
    this.delayMs = delayMs
    this.clock = new ManualClock(startAt)
    this.network = new SimulatedNetwork({ clock: this.clock, delayMs, loss, seed })
    this.node = new TestNode(this.network, this.#instance(), '@server')
    this.#plugins = new ServerPlugins({
      ...this.hostDeps(this.events, ''),
      links: () => ({ transfers: NO_TRANSFERS, streams: this.node.router }),
    })
  }

  /** @throws MSG_ERR_CONFIG_INVALID; a plugin that does not start is among the {@link faults} */
  static async start(options: PluginWorldOptions = {}): Promise<PluginWorld> {
    const world = new PluginWorld(options)
    await world.until(world.#plugins.start(options.server ?? []))
    return world
  }

  /** Signs somebody in. @throws MSG_ERR_SIGN_IN_DENIED when a plugin says so */
  async connect(user: string, options: TestClientOptions = {}): Promise<TestClient> {
    const client = new TestClient(this, this.#plugins, {
      user,
      instance: this.#instance(),
      plugins: options.plugins ?? this.#options.client ?? [],
      options,
    })
    await this.until(client.start())
    this.#clients.set(client.instance, client)
    return client
  }

  /** Clients that are signed in or were. */
  get clients(): readonly TestClient[] {
    return [...this.#clients.values()]
  }

  /** Opens a conversation between two, with a link. */
  async talk(a: TestClient, b: TestClient): Promise<void> {
    a.converse(b)
    b.converse(a)
    await this.until(a.node.link(b.node))
  }

  /** Runs a command that the server half adds to the console. @returns what it answers */
  async run(name: string, values: TestValues = {}): Promise<object> {
    return await this.until(runCommand(this.#plugins.commands, name, values, undefined))
  }

  /** Tells the server halves what the server's log says. */
  log(event: ServerEvent): void {
    this.#plugins.handleEvent(event)
  }

  status(): PluginStatus[] {
    return this.#plugins.status()
  }

  /** Lets time pass. @param ms - milliseconds */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
  }

  /** Lets time pass until `work` is done, step by step. @throws what `work` throws; MSG_ERR_TIMEOUT when it is not done after `ms` milliseconds */
  async until<T>(work: Promise<T>, ms = 60_000): Promise<T> {
    let isDone = false
    const done = work.finally(() => (isDone = true))
    done.catch(() => {})
    const end = this.clock.now() + ms
    await this.clock.advance(0)
    while (!isDone && this.clock.now() < end) {
      // The disk knows nothing of the world's time, ten seconds of which pass in a few of its milliseconds.
      if (isDiskBusy()) await setTimeout(DISK_MS)
      await this.clock.advance(STEP_MS)
    }
    if (!isDone) throw new MsgError('MSG_ERR_TIMEOUT', { detail: `nothing after ${ms} ms of the world's time` })
    return await done
  }

  /** A client that listens came or went. */
  setPresent({ user, instance }: Pick<TestClient, 'user' | 'instance'>, isPresent: boolean): void {
    this.#see(user, () =>
      isPresent ? this.#present.add(`${user}/${instance}`) : this.#present.delete(`${user}/${instance}`),
    )
  }

  /** As `active` and `inactive` do: a user who is invisible is not seen, wherever they are connected. */
  setVisible(user: string, isVisible: boolean): void {
    this.#see(user, () => (isVisible ? this.#invisible.delete(user) : this.#invisible.add(user)))
  }

  #see(user: string, act: () => unknown): void {
    const isSeen = (): boolean =>
      !this.#invisible.has(user) && [...this.#present].some((one) => one.startsWith(`${user}/`))
    const before = isSeen()
    act()
    if (before !== isSeen()) this.#plugins.handleVisible(user, !before)
  }

  /** Stops everything. */
  async close(): Promise<void> {
    for (const client of this.#clients.values()) await this.until(client.close())
    await this.until(this.#plugins.close())
    await this.node.close()
  }

  /** What a host in this world needs. @param owner - in front of the names of what is stored */
  hostDeps(events: ToldEvent[], owner: string): HostDeps {
    return {
      clock: this.clock,
      event: (plugin, name, text, facts) => void events.push({ plugin, name, text, facts }),
      storage: (plugin) => {
        const name = `${owner} ${plugin}`
        const store = this.#stores.get(name) ?? new MemoryStorage()
        this.#stores.set(name, store)
        return store
      },
      onFault: (plugin, { message }) => void this.faults.push(`${plugin}: ${message}`),
    }
  }

  #instance(): string {
    return (++this.#lastInstance).toString(16).padStart(32, '0')
  }
}

/** Files are sent by real servers only. */
const NO_TRANSFERS = {
  offer: () => Promise.reject(new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'a test world sends no files' })),
  onEvent: () => {},
}
/** True while the process waits for a file system. */
const isDiskBusy = (): boolean => process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'))

/** Real milliseconds for the disk before each step of the world's time. */
const DISK_MS = 1
/** Milliseconds that pass at a time while something is waited for. */
const STEP_MS = 5
