import { MsgError } from '../errors.ts'
import type { RelayLeg, RelayLegOptions } from '../io/relay-leg.ts'
import type { LinkEndpoint } from '../transport/endpoint-api.ts'
import { backoffMs, RELINK } from './backoff.ts'

/** Dials a leg with the trust and the token of one sign-in. */
export type LegDial = (on: Pick<RelayLegOptions, 'signal' | 'onDatagram' | 'onClosed'>) => Promise<RelayLeg | undefined>

/** Keeps a leg of the relay open while UDP is blocked: made again when it breaks, given up when UDP answers. */
export class LegKeeper {
  readonly #endpoint: LinkEndpoint
  readonly #random: () => number
  #dial: LegDial | undefined
  #isWanted = false
  #isClosed = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  /** Of the leg that is open or being opened. */
  #current: AbortController | undefined
  #leg: RelayLeg | undefined

  /** @param random - uniform in [0, 1). */
  constructor(endpoint: LinkEndpoint, random: () => number) {
    this.#endpoint = endpoint
    this.#random = random
  }

  /** Whether there is no other way. */
  set isWanted(isWanted: boolean) {
    if (isWanted === this.#isWanted) return
    this.#isWanted = isWanted
    this.#restart()
  }

  /** Signed in anew: the old token is good for nothing. */
  renew(dial: LegDial): void {
    this.#dial = dial
    this.#restart()
  }

  close(): void {
    this.#isClosed = true
    this.#drop()
  }

  #restart(): void {
    this.#failures = 0
    this.#drop()
    if (this.#isWanted && !this.#isClosed) void this.#open()
  }

  #drop(): void {
    clearTimeout(this.#timer)
    this.#current?.abort()
    this.#current = undefined
    this.#leg?.close()
    this.#leg = undefined
    this.#endpoint.useLeg?.(undefined)
  }

  async #open(): Promise<void> {
    const dial = this.#dial
    if (!dial || !this.#endpoint.useLeg) return
    const current = (this.#current = new AbortController())
    const startedAt = performance.now()
    const isCurrent = (): boolean => this.#current === current
    try {
      const leg = await dial({
        signal: current.signal,
        onDatagram: (datagram) => {
          if (isCurrent()) this.#endpoint.handleLegDatagram?.(datagram)
        },
        onClosed: () => {
          if (!isCurrent()) return
          if (performance.now() - startedAt > STEADY_MS) this.#failures = 0
          this.#again()
        },
      })
      // A server that knows no legs does not learn it.
      if (!isCurrent()) leg?.close()
      else if (leg) {
        this.#leg = leg
        this.#endpoint.useLeg(leg)
      }
    } catch (error) {
      if (isCurrent() && !FINAL.has(MsgError.of(error).code)) this.#again()
    }
  }

  #again(): void {
    this.#drop()
    this.#timer = setTimeout(() => void this.#open(), backoffMs(++this.#failures, this.#random(), RELINK)).unref()
  }
}

/** A leg that lived so long was a good one, milliseconds. */
const STEADY_MS = 10_000
/** Another server answers: the control channel's business. */
const FINAL: ReadonlySet<string> = new Set(['MSG_ERR_FINGERPRINT_CHANGED', 'MSG_ERR_FINGERPRINT_MISMATCH'])
