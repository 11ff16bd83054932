import { Directory } from '../control/directory.ts'
import { encodeNotification } from '../control/rpc.ts'
import type { ConnectionId, NameChannel, Output } from '../control/state.ts'
import { now } from '../io/clock.ts'
import type { EventHub } from '../io/event-hub.ts'
import type { Store } from '../store/store.ts'
import type { ServerEvent, ServerLimits } from './api.ts'
import { directoryLimits } from './limits.ts'

/** What the directory's outputs reach. */
export interface DirectoryClient {
  /** Writes one line. */
  send(line: string): void
  /** Ends the connection: another one took its place. */
  close(reason: string): void
}

/** Who passes on what introduced connections send each other. */
export interface DirectoryRelay {
  readonly nameChannel: NameChannel
  handleOutput(output: RelayOutput): void
}

/** What the directory tells of channels. */
export type RelayOutput = Extract<Output, { kind: 'channel' | 'channel-gone' | 'replaced' }>

/** Runs the directory: gives it the store and the time, delivers what it tells. */
export class DirectoryHost {
  readonly directory: Directory
  readonly #events: EventHub<ServerEvent>
  readonly #onVisible: (user: string, isVisible: boolean) => void
  readonly #relay: DirectoryRelay | undefined
  readonly #clients = new Map<ConnectionId, DirectoryClient>()
  #introductions = 0
  #timer: NodeJS.Timeout | undefined
  #timerAt = Infinity
  #isClosed = false

  /** @param onVisible - others see a user as active from now on, or do not any more. */
  constructor(
    store: Store,
    limits: ServerLimits,
    events: EventHub<ServerEvent>,
    onVisible: (user: string, isVisible: boolean) => void = () => {},
    relay?: DirectoryRelay,
  ) {
    this.#events = events
    this.#relay = relay
    this.#onVisible = onVisible
    this.directory = new Directory({
      accounts: store,
      keep: (writes) => store.apply(writes),
      limits: directoryLimits(limits),
      ...(relay ? { nameChannel: relay.nameChannel } : {}),
      snapshot: store.load(),
      now: now(),
    })
    this.#arm()
  }

  /** Signed-in connections. */
  get clients(): ReadonlyMap<ConnectionId, DirectoryClient> {
    return this.#clients
  }

  /** Times that a connection was told of another one. */
  get introductions(): number {
    return this.#introductions
  }

  attach(id: ConnectionId, client: DirectoryClient): void {
    this.#clients.set(id, client)
  }

  detach(id: ConnectionId): void {
    this.#clients.delete(id)
  }

  /**
   * One step of the directory. What it wants kept is kept before `answer` is called, and what it tells goes out after that.
   *
   * @throws what `step` throws; when the store failed, nothing was changed.
   */
  run<T>(step: (directory: Directory) => T, answer?: (result: T) => void): T {
    const result = step(this.directory)
    const outputs = this.directory.pollOutputs()
    try {
      answer?.(result)
    } finally {
      for (const output of outputs) this.#deliver(output)
      this.#arm()
    }
    return result
  }

  /** Stops the clock; later steps find it stopped too. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #deliver(output: Output): void {
    if (output.kind === 'tell') {
      if (output.method === 'peer.introduced') this.#introductions++
      this.#clients.get(output.to)?.send(encodeNotification(output.method, output.params))
    } else if (output.kind === 'close') this.#clients.get(output.connection)?.close(output.reason)
    else if (output.kind === 'event') this.#events.publish(output.event)
    else if (output.kind === 'visible') this.#onVisible(output.user, output.isVisible)
    else this.#relay?.handleOutput(output)
  }

  #arm(): void {
    const next = this.directory.pollTimeout() ?? Infinity
    if (this.#isClosed || next === this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = next
    if (next === Infinity) return
    const delay = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil((next - now()) / 1_000)))
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity
      this.run((directory) => directory.handleTimeout(now()))
    }, delay)
  }
}

/** Node's timers hold at most 2^31 ms; waking early is harmless. */
const MAX_TIMER_MS = 3_600_000
