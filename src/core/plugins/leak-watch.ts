import { AsyncLocalStorage, createHook } from 'node:async_hooks'

/** What keeps a process alive: a timer, a socket, a child process. */
interface Holder {
  hasRef?(): boolean
  /** Of a timer that has gone off or was cleared; Node says it nowhere else. */
  readonly _destroyed?: boolean
}

/**
 * Notes what plugins leave running that they began in `setup` without their scope. It watches only while a plugin starts: watching costs
 * every promise of the process a little.
 */
export class LeakWatch {
  readonly #owner = new AsyncLocalStorage<object>()
  readonly #seen = new Map<object, Array<{ readonly type: string; readonly holder: WeakRef<Holder> }>>()
  /** Plugins that are starting, in whatever server or client of this process. */
  #running = 0
  readonly #hook = createHook({
    init: (_id, type, _trigger, resource) => {
      const owner = this.#owner.getStore()
      if (owner !== undefined && WATCHED.has(type))
        this.#seen.get(owner)?.push({ type, holder: new WeakRef(resource as Holder) })
    },
  })

  /** Runs what `owner` does, and watches it. */
  async run<T>(owner: object, fn: () => Promise<T>): Promise<T> {
    this.#seen.set(owner, [])
    this.#running++
    this.#hook.enable()
    try {
      return await this.#owner.run(owner, fn)
    } finally {
      if (--this.#running === 0) {
        this.#hook.disable()
        this.#owner.disable()
      }
    }
  }

  /** What `owner` has left running: ends the timers among it. @returns how many of each kind, for people: `2 timers` */
  end(owner: object): string[] {
    const counts = new Map<string, number>()
    for (const { type, holder } of this.#seen.get(owner) ?? []) {
      const held = holder.deref()
      if (held?.hasRef?.() !== true || held._destroyed) continue
      if (type === TIMER) clearTimeout(held as unknown as NodeJS.Timeout)
      counts.set(type, (counts.get(type) ?? 0) + 1)
    }
    this.#seen.delete(owner)
    return [...counts].map(([type, count]) => `${count} ${WATCHED.get(type)}${count === 1 ? '' : 's'}`)
  }
}

const TIMER = 'Timeout'
/** Kinds of resources as Node names them, and as people do. */
const WATCHED: ReadonlyMap<string, string> = new Map([
  [TIMER, 'timer'],
  ['TCPSERVERWRAP', 'TCP server'],
  ['TCPWRAP', 'TCP connection'],
  ['PIPESERVERWRAP', 'pipe server'],
  ['UDPWRAP', 'UDP socket'],
  ['PROCESSWRAP', 'child process'],
  ['FSEVENTWRAP', 'file watch'],
  ['WORKER', 'worker'],
])
