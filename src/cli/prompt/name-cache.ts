import { deferred } from '../deferred.ts'
import type { ArgumentKind } from '../lines/command.ts'
import type { NameSource } from './completion.ts'

/** How to learn the names of each kind; those without one have no names. */
export type NameLoaders = Readonly<Partial<Record<ArgumentKind, (word: string) => Promise<readonly string[]>>>>

/**
 * Names for completion that never make a person wait long: they are learnt anew each time, for at most a quarter of
 * `patienceMs`; what is known already serves when that is not enough. The first time may take `patienceMs`.
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

  async names(kind: ArgumentKind, word = ''): Promise<readonly string[]> {
    // What was known of another folder helps nobody.
    if (kind === 'path') return (await this.#loaders.path?.(word)) ?? []
    const loading = this.#refresh(kind)
    const { promise: late, resolve } = deferred<void>()
    const timer = setTimeout(resolve, this.#known.has(kind) ? this.#patienceMs / 4 : this.#patienceMs)
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
    const loading = load('')
      .then((names) => void this.#known.set(kind, names))
      .catch(() => {})
      .finally(() => this.#loading.delete(kind))
    this.#loading.set(kind, loading)
    return loading
  }
}

/** Longer than a round trip to a server on another continent, shorter than it takes to wonder, milliseconds. */
const PATIENCE_MS = 400
