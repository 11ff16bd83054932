import type { Instant } from '../time/instant.ts'
import type { Bitmap } from './bitmap.ts'
import { RateMeter } from './rate-meter.ts'

/** What a `ReceivePlan` knows of one source. */
export class ReceiveSource {
  readonly id: string
  /** Blocks that it can serve; `undefined`: all. */
  readonly has: Bitmap | undefined
  /** Blocks asked of it that are neither verified nor bad nor cancelled, and when they were asked. */
  readonly asked = new Map<number, Instant>()
  /** Blocks that were cancelled and may still come. */
  readonly cancelled = new Set<number>()
  readonly meter: RateMeter
  /** Bytes of `asked`. */
  outstanding = 0
  /** Verified bytes it brought. */
  bytes = 0
  /** When it last brought something, or was last asked while it owed nothing. */
  heardAt: Instant

  constructor(id: string, now: Instant, has: Bitmap | undefined) {
    this.id = id
    this.has = has
    this.heardAt = now
    this.meter = new RateMeter(now)
  }

  canServe(index: number): boolean {
    return this.has?.has(index) ?? true
  }
}
