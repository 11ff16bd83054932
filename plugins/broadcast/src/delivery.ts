import { MsgError, type PluginSession, type ServerScope } from 'msg-cli/plugin'
import type { Message, protocol } from './protocol.ts'

type Scope = Pick<ServerScope<typeof protocol>, 'timers' | 'hook'>
type Target = PluginSession<typeof protocol>

/**
 * Tells connections a message and waits for their acknowledgements, so many at a time. A connection that breaks meanwhile is told when the same
 * client is back in time; clients know a message by its id, so that nobody hears it twice.
 */
export class Delivery {
  readonly #scope: Scope
  /** Whoever waits for a client to come back, by the session's id. */
  readonly #absent = new Map<string, Set<() => void>>()

  constructor(scope: Scope) {
    this.#scope = scope
    scope.hook('session:open', ({ id }) => {
      for (const wake of this.#absent.get(id) ?? []) wake()
    })
  }

  /** @returns those that have acknowledged it when all have, or when the time is up. */
  async tell(targets: readonly Target[], message: Message): Promise<Set<Target>> {
    const reached = new Set<Target>()
    const tasks: Promise<void>[] = []
    const one = async (target: Target): Promise<void> => {
      if (await this.#tellOne(target, message)) reached.add(target)
    }
    const waiting = targets.values()
    const slot = async (): Promise<void> => {
      for (const target of waiting) {
        const task = one(target)
        tasks.push(task)
        // Whoever is slow holds nobody up.
        await this.#within(task, SLOT_MS)
      }
    }
    const all = Promise.all(Array.from({ length: Math.min(AT_ONCE, targets.length) }, slot)).then(() =>
      Promise.all(tasks),
    )
    await this.#within(all, TOTAL_MS)
    return new Set(reached)
  }

  async #tellOne(target: Target, message: Message): Promise<boolean> {
    const { timers } = this.#scope
    const until = timers.now() + ACK_MS
    for (let attempt = 1; ; attempt++) {
      const timeoutMs = until - timers.now()
      if (timeoutMs <= 0) return false
      try {
        await target.request('message', message, { timeoutMs })
        return true
      } catch (error) {
        if (!MsgError.is(error) || error.code !== 'MSG_ERR_CONNECTION_CLOSED') return false
        // A new connection may have taken the old one's place already: every other time it is tried at once.
        if (attempt % 2 === 0 && !(await this.#back(target.id, until))) return false
      }
    }
  }

  /** Waits for a client that is away. @returns false when it is not back in time */
  async #back(id: string, until: number): Promise<boolean> {
    const waiting = this.#absent.get(id) ?? new Set()
    this.#absent.set(id, waiting)
    let wake = (): void => {}
    const isBack = await new Promise<boolean>((resolve) => {
      wake = () => resolve(true)
      waiting.add(wake)
      this.#scope.timers.after(Math.max(0, until - this.#scope.timers.now()), () => resolve(false))
    })
    waiting.delete(wake)
    if (waiting.size === 0) this.#absent.delete(id)
    return isBack
  }

  /** Waits for `work`, for so long at most, milliseconds. */
  async #within(work: Promise<unknown>, ms: number): Promise<void> {
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => (cancel = this.#scope.timers.after(ms, resolve)))
    await Promise.race([work, late])
    cancel()
  }
}

/** Connections that are being told at a time. */
const AT_ONCE = 128
/** How long one of them counts, milliseconds: the next is told then, and this one goes on waiting. */
const SLOT_MS = 100
/** How long a client has to acknowledge, or to come back and acknowledge, milliseconds. */
const ACK_MS = 5_000
/** How long the sender waits at most, milliseconds: less than its request does. */
const TOTAL_MS = 20_000
