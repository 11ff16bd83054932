import { canonicalName, type PluginStorage } from 'msg-cli/plugin'

/** When somebody was seen. */
export interface Sighting {
  readonly user: string
  /** Milliseconds since 1970: when they came, or went. */
  readonly at: number
  /** They were here when this was written. */
  readonly isHere: boolean
}

/**
 * When people were last seen, in memory and, a little later, in the plugin's storage. Whoever was here when the server died was seen until it last said that it
 * lives. The oldest are forgotten when there are too many.
 */
export class SeenLog {
  readonly #storage: PluginStorage
  /** By canonical name, the oldest first. */
  readonly #sightings = new Map<string, Sighting>()
  /** What the storage does not know yet. */
  readonly #dirty = new Set<string>()

  private constructor(storage: PluginStorage) {
    this.#storage = storage
  }

  /** @returns what is kept, and who was here when the server went, no longer ago than `recentMs` */
  static async open(
    storage: PluginStorage,
    now: number,
    recentMs: number,
  ): Promise<{ log: SeenLog; expected: readonly Sighting[] }> {
    const log = new SeenLog(storage)
    const lived = await storage.get(LIVED)
    const livedAt = typeof lived === 'number' ? Math.min(lived, now) : undefined
    const kept: Array<readonly [string, Sighting]> = []
    for await (const { key, value } of entries(storage)) {
      const sighting = sightingOf(value)
      if (sighting) kept.push([key.slice(PREFIX.length), sighting])
    }
    const expected: Sighting[] = []
    for (const [name, { user, at, isHere }] of kept.sort(([, a], [, b]) => a.at - b.at)) {
      const wentAt = isHere ? Math.max(at, livedAt ?? at) : at
      log.#sightings.set(name, { user, at: wentAt, isHere: false })
      if (!isHere) continue
      log.#dirty.add(name)
      if (livedAt !== undefined && now - livedAt <= recentMs) expected.push({ user, at: wentAt, isHere })
    }
    log.#trim()
    return { log, expected }
  }

  /** Forgets everything that was kept. */
  static async erase(storage: PluginStorage): Promise<void> {
    const keys: string[] = []
    for await (const { key } of entries(storage)) keys.push(key)
    for (const key of [...keys, LIVED]) await storage.delete(key)
  }

  get size(): number {
    return this.#sightings.size
  }

  /** @param user - in any spelling. */
  find(user: string): Sighting | undefined {
    return this.#sightings.get(keyOf(user))
  }

  put({ user, at, isHere }: Sighting): void {
    const name = keyOf(user)
    this.#sightings.delete(name)
    this.#sightings.set(name, { user, at, isHere })
    this.#dirty.add(name)
    this.#trim()
  }

  /** Writes some of what the storage does not know. @returns false when that is everything */
  async flush(now: number, most = Infinity): Promise<boolean> {
    for (const name of this.#dirty) {
      if (most-- <= 0) return true
      this.#dirty.delete(name)
      const sighting = this.#sightings.get(name)
      try {
        if (sighting) await this.#storage.put(PREFIX + name, sighting)
        else await this.#storage.delete(PREFIX + name)
      } catch (error) {
        this.#dirty.add(name)
        throw error
      }
    }
    await this.#storage.put(LIVED, now)
    return false
  }

  #trim(): void {
    for (const name of this.#sightings.keys()) {
      if (this.#sightings.size <= MAX_KEPT) return
      this.#sightings.delete(name)
      this.#dirty.add(name)
    }
  }
}

async function* entries(storage: PluginStorage): AsyncGenerator<{ readonly key: string; readonly value: unknown }> {
  for (let after = ''; ;) {
    const page = await storage.list({ prefix: PREFIX, after, limit: PAGE })
    yield* page
    if (page.length < PAGE) return
    after = page.at(-1)!.key
  }
}

function sightingOf(value: unknown): Sighting | undefined {
  const { user, at, isHere } = (value ?? {}) as Partial<Record<keyof Sighting, unknown>>
  return typeof user === 'string' && typeof at === 'number' ? { user, at, isHere: isHere === true } : undefined
}

/** '' for what is no name: nobody has it. */
function keyOf(user: string): string {
  try {
    return canonicalName(user)
  } catch {
    return ''
  }
}

const PREFIX = 'user/'
/** When the server last said that it lives, milliseconds since 1970. */
const LIVED = 'lived'
/** Users that are remembered. */
export const MAX_KEPT = 10_000
/** Entries read at a time. */
const PAGE = 1_000
