import { Relay } from '../../src/core/control/relay.ts'
import type { RelayLimits } from '../../src/core/control/relay-accounts.ts'
import type { Instant } from '../../src/core/time/instant.ts'
import type { HostPort } from '../../src/core/wire/address.ts'
import { writeRelayed } from '../../src/core/wire/relay.ts'
import { s } from './time.ts'

/** More than any test sends. */
const LIMITS: RelayLimits = { channelRate: 1e9, userRate: 1e9, serverRate: 1e9, quota: 1e15 }

/** Where connection `id` is seen. */
export const addressOf = (id: number): HostPort => ({ host: `192.0.2.${id}`, port: 5_000 + id })

/** The channel of two connections. */
export const channelOf = (a: number, b: number): string =>
  `${[a, b].map((n) => n.toString(16).padStart(2, '0')).join('')}${'c0de'.repeat(3)}`

/** A relayed datagram of `size` bytes in all. */
export function relayed(channel: string, size = 100): Uint8Array {
  const datagram = new Uint8Array(size)
  writeRelayed(channel, new Uint8Array(size - 9).fill(0x40), datagram)
  return datagram
}

/** A relay with connections 1, 2, … of users `u1`, `u2`, …, each seen at its address. */
export class RelayLab {
  now: Instant = s(1_000_000)
  readonly relay: Relay

  constructor(limits: Partial<RelayLimits> = {}, connections = 4) {
    this.relay = new Relay(this.now, { ...LIMITS, ...limits })
    for (let id = 1; id <= connections; id++) this.enter(id)
  }

  enter(id: number, user = `u${id}`, address: HostPort | null = addressOf(id)): void {
    this.relay.enter(id, user)
    if (address) this.relay.see(this.now, id, address, true)
  }

  /** @returns the channel's name. */
  open(a: number, b: number): string {
    this.relay.open(channelOf(a, b), [a, b])
    return channelOf(a, b)
  }

  /** @returns the connection that gets it. */
  send(from: HostPort | number, channel: string, size?: number): number | undefined {
    return this.relay.handle(this.now, from, relayed(channel, size))?.id
  }

  /** What was dropped, by reason, without what was not. */
  get drops(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.relay.totals.drops).filter(([, count]) => count > 0))
  }
}
