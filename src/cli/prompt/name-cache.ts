import { deferred } from '../deferred.ts'
import type { ArgumentKind } from '../lines/command.ts'
import type { NameSource } from './completion.ts'

/** How to learn the names of each kind; those without one have no names. */
export type NameLoaders = Readonly<Partial<Record<ArgumentKind, () => Promise<readonly string[]>>>>

/**
 * Names for completion that never make a person wait: what is known is offered at once and learnt anew in the background.
 * Only the first time a kind is asked for it waits, and no longer than `patienceMs`.
 */
export class NameCache implements NameSource {
  readonly #loaders: NameLoaders
  readonly #patienceMs: number
  readonly #known = new Map<ArgumentKind, readonly string[]>()
  readonly #loading = new Map<ArgumentKind, Promise<void>>()

  constructor(loaders: NameLoaders, patienceMs = PATIENCE_MS) {
    this.#loaders = loaders
    this.#patienceMs = patienceMs
  }

  async names(kind: ArgumentKind): Promise<readonly string[]> {
    const loading = this.#refresh(kind)
    const known = this.#known.get(kind)
    if (known) return known
    const { promise: late, resolve } = deferred<void>()
    const timer = setTimeout(resolve, this.#patienceMs)
    await Promise.race([loading, late])
    clearTimeout(timer)
    return this.#known.get(kind) ?? []
  }

  /** Learns one kind's names; at most one question a kind is under way. A failure keeps what was known. */
  #refresh(kind: ArgumentKind): Promise<void> {
    const running = this.#loading.get(kind)
    if (running) return running
    const load = this.#loaders[kind]
    if (load === undefined) return Promise.resolve()
    const loading = load()
      .then((names) => void this.#known.set(kind, names))
      .catch(() => {})
      .finally(() => this.#loading.delete(kind))
    this.#loading.set(kind, loading)
    return loading
  }
}

/** Longer than a round trip to a server on another continent, shorter than it takes to wonder, milliseconds. */
const PATIENCE_MS = 400
