import type { Duration, Instant } from '../../src/core/time/instant.ts'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'

/**
 * What a NAT's mappings, or its filters, distinguish remotes by (RFC 4787 sections 4.1 and 5, RFC 5780 section 2.1): nothing, their address,
 * or their address and port.
 */
export type Dependence = (typeof DEPENDENCES)[number]
export const DEPENDENCES = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const

/** How a NAT finds a port for a new mapping (RFC 4787 section 4.2); a port in use is never given twice. */
export type PortAllocation = (typeof PORT_ALLOCATIONS)[number]
/** `preserving` takes the inner port, or the next free one; `sequential` the next after the last. */
export const PORT_ALLOCATIONS = ['preserving', 'sequential', 'random'] as const

/** What a {@link Nat} is made of. */
export interface NatOptions {
  /** Its public address, which nobody else has. */
  readonly address: string
  readonly mapping: Dependence
  readonly filtering: Dependence
  /** How long a mapping, and a remote's leave to answer, outlive the last packet that refreshed them. */
  readonly timeout: Duration
  /** Whether packets that come in refresh too (RFC 4787 section 4.3); those that go out always do. */
  readonly isRefreshedFromOutside: boolean
  /** Whether who is inside reaches others inside by their outer addresses (RFC 4787 section 6), as seen from outside. */
  readonly hairpins: boolean
  readonly ports: PortAllocation
}

/** What most home routers do. */
export const HOME_NAT: Omit<NatOptions, 'address'> = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  timeout: 30_000_000,
  isRefreshedFromOutside: true,
  hairpins: false,
  ports: 'preserving',
}

interface Mapping {
  readonly inner: SocketAddress
  readonly port: number
  readonly key: string
  until: Instant
  /** Until when remotes may come in, by what the filter distinguishes them by. */
  readonly leave: Map<string, Instant>
}

/** A network address translator. Pure: time and randomness come in, addresses come out. It translates addresses that it is given, not datagrams. */
export class Nat {
  readonly options: NatOptions
  readonly #random: () => number
  readonly #mappings = new Map<string, Mapping>()
  readonly #byPort = new Map<number, Mapping>()
  #lastPort = FIRST_PORT - 1

  /** @param random - for ports, in [0, 1). */
  constructor(options: NatOptions, random: () => number) {
    this.options = options
    this.#random = random
  }

  get address(): string {
    return this.options.address
  }

  /** A datagram leaves `inner` for `remote`. @returns the address it is seen to come from. */
  translateOut(now: Instant, inner: SocketAddress, remote: SocketAddress): SocketAddress {
    const { mapping, filtering, timeout, address } = this.options
    const key = `${inner.host} ${inner.port} ${distinguish(mapping, remote)}`
    const known = this.#mappings.get(key)
    const found = known && known.until > now ? known : this.#allocate(now, key, inner)
    found.until = now + timeout
    found.leave.set(distinguish(filtering, remote), found.until)
    return { host: address, port: found.port }
  }

  /** A datagram of `remote` comes to an outer port. @returns who gets it inside; `undefined` when nobody does. */
  translateIn(now: Instant, remote: SocketAddress, port: number): SocketAddress | undefined {
    const found = this.#byPort.get(port)
    if (!found || found.until <= now) return undefined
    const { filtering, isRefreshedFromOutside, timeout } = this.options
    const key = distinguish(filtering, remote)
    if (filtering !== 'endpoint-independent' && (found.leave.get(key) ?? 0) <= now) return undefined
    if (isRefreshedFromOutside) {
      found.until = now + timeout
      found.leave.set(key, found.until)
    }
    return found.inner
  }

  /** Forgets everything, as after a power cut. */
  forget(): void {
    this.#mappings.clear()
    this.#byPort.clear()
  }

  #allocate(now: Instant, key: string, inner: SocketAddress): Mapping {
    const older = this.#mappings.get(key)
    if (older) this.#byPort.delete(older.port)
    let port = this.#firstChoice(inner)
    while ((this.#byPort.get(port)?.until ?? 0) > now) port = port === LAST_PORT ? FIRST_PORT : port + 1
    const dead = this.#byPort.get(port)
    if (dead) this.#mappings.delete(dead.key)
    const made: Mapping = { inner, port, key, until: now, leave: new Map() }
    this.#mappings.set(key, made)
    this.#byPort.set(port, made)
    this.#lastPort = port
    return made
  }

  #firstChoice(inner: SocketAddress): number {
    switch (this.options.ports) {
      case 'preserving':
        return inner.port
      case 'sequential':
        return this.#lastPort === LAST_PORT ? FIRST_PORT : this.#lastPort + 1
      case 'random':
        return FIRST_PORT + Math.floor(this.#random() * (LAST_PORT - FIRST_PORT + 1))
    }
  }
}

function distinguish(by: Dependence, { host, port }: SocketAddress): string {
  switch (by) {
    case 'endpoint-independent':
      return ''
    case 'address-dependent':
      return host
    case 'address-and-port-dependent':
      return `${host} ${port}`
  }
}

/** RFC 4787 section 4.2.1: outside the well-known ones. */
const FIRST_PORT = 1_024
const LAST_PORT = 65_535
