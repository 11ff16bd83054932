import { millis, type Duration, type Instant } from '../time/instant.ts'
import { parseIp } from '../wire/address.ts'
import { OPENER } from '../wire/relay.ts'
import type { SocketAddress } from './endpoint-api.ts'
import type { Transmit } from './machine.ts'

/**
 * Datagrams that open the own routers towards a peer and never come to the peer's: some routers, knocked at before their own side spoke, give that side another
 * port, and what the server saw of it is worth nothing then.
 *
 * The first one passes one router; the second one, when the other side has had the time for its own first, whatever else stands on this side: a second router,
 * or a carrier's NAT.
 */
export class Openers {
  readonly #waiting: Array<{ readonly at: Instant; readonly transmit: Transmit }> = []

  /** Opens towards `addresses`; those of IPv6 have no NAT that could mind. */
  open(now: Instant, addresses: readonly SocketAddress[]): void {
    for (const { host, port } of addresses) {
      if (parseIp(host)?.byteLength !== 4) continue
      const to = { host, port }
      this.#waiting.push(
        { at: now, transmit: { to, payload: OPENER, ttl: FIRST_TTL } },
        { at: now + SECOND_AFTER, transmit: { to, payload: OPENER, ttl: SECOND_TTL } },
      )
    }
    this.#waiting.sort((a, b) => a.at - b.at)
  }

  /** Opens towards `ports` of `host`, a few at a time. */
  openMany(now: Instant, host: string, ports: readonly number[]): void {
    for (const [i, port] of ports.entries()) {
      const at = now + Math.floor(i / BATCH) * BATCH_AFTER
      this.#waiting.push({ at, transmit: { to: { host, port }, payload: OPENER, ttl: FIRST_TTL } })
    }
    this.#waiting.sort((a, b) => a.at - b.at)
  }

  /** What is due now. */
  take(now: Instant): Transmit[] {
    const count = this.#waiting.filter(({ at }) => at <= now).length
    return this.#waiting.splice(0, count).map(({ transmit }) => transmit)
  }

  /** When there is something to send; Infinity for never. */
  get at(): Instant {
    return this.#waiting[0]?.at ?? Infinity
  }
}

const FIRST_TTL = 2
const SECOND_TTL = 4
const SECOND_AFTER: Duration = millis(100)
/** A router has to keep up. */
const BATCH = 64
const BATCH_AFTER: Duration = millis(5)
