/** How far the clocks of both sides may be apart, milliseconds. */
export const CLOCK_WINDOW_MS = 60_000

/** What a guard keeps across a restart. */
export interface NonceStore {
  load(): Promise<Seen | undefined>
  /** Resolves when it is safe. */
  save(seen: Seen): Promise<void>
}

/** What a guard remembers. */
export interface Seen {
  /** No request that states this time or an earlier one is taken, milliseconds since 1970. */
  readonly floor: number
  readonly nonces: readonly SeenNonce[]
}

/** A request that was there: its nonce in hexadecimal, who sent it, and the time it states, milliseconds since 1970. */
export type SeenNonce = readonly [nonce: string, device: string, at: number]

/** Why a request is not taken. */
export type Staleness = 'stale' | 'replayed' | 'too-many'

/**
 * Lets each request through once.
 *
 * A nonce is kept longer than its request is fresh; what is as old as a forgotten one stays stale, also when this side's clock is set back. What one device and all of them may
 * have here is bounded; at the bound requests are refused, none is forgotten.
 */
export class ReplayGuard {
  readonly #store: NonceStore
  readonly #seen = new Map<string, SeenNonce>()
  #floor = 0

  private constructor(store: NonceStore) {
    this.#store = store
  }

  /** Takes over what an earlier process has seen. */
  static async open(store: NonceStore): Promise<ReplayGuard> {
    const guard = new ReplayGuard(store)
    guard.#merge(await store.load())
    return guard
  }

  /** How many nonces are kept. */
  get size(): number {
    return this.#seen.size
  }

  /** @param now - this side's clock, milliseconds since 1970. @returns why not; `undefined` when it is new, which is then safe on the disk. */
  async admit(nonce: Uint8Array, device: string, at: number, now: number): Promise<Staleness | undefined> {
    if (Math.abs(now - at) > CLOCK_WINDOW_MS || at <= this.#floor) return 'stale'
    const hex = Buffer.from(nonce).toString('hex')
    const key = keyOf(hex, device)
    if (this.#seen.has(key)) return 'replayed'
    for (const [other, [, , stated]] of this.#seen) {
      if (now - stated <= KEPT_MS) continue
      this.#seen.delete(other)
      this.#floor = Math.max(this.#floor, stated)
    }
    const own = [...this.#seen.values()].filter(([, from]) => from === device).length
    if (own >= MAX_OF_DEVICE || this.#seen.size >= MAX_SEEN) return 'too-many'
    // Taken before the disk is waited for: of two at the same time one is the second.
    this.#seen.set(key, [hex, device, at])
    const isElsewhere = this.#merge(await this.#store.load(), key)
    await this.#store.save({ floor: this.#floor, nonces: [...this.#seen.values()] })
    if (isElsewhere) return 'replayed'
    return undefined
  }

  /** Takes over what was kept, by this process or another one. @returns true when `own` was among it */
  #merge(kept: Seen | undefined, own?: string): boolean {
    let isThere = false
    this.#floor = Math.max(this.#floor, kept?.floor ?? 0)
    for (const seen of kept?.nonces ?? []) {
      const key = keyOf(seen[0], seen[1])
      isThere ||= key === own
      if (seen[2] > this.#floor) this.#seen.set(key, seen)
    }
    return isThere
  }
}

const keyOf = (nonce: string, device: string): string => `${device} ${nonce}`
/** Longer than requests are fresh, so that no clock which is right meets the floor, milliseconds. */
const KEPT_MS = 2 * CLOCK_WINDOW_MS
/** Requests of one device within {@link KEPT_MS}. */
const MAX_OF_DEVICE = 120
const MAX_SEEN = 600
