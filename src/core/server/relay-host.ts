import { createHmac, randomBytes } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { Relay, type ChannelReport, type RelayTotals } from '../control/relay.ts'
import type { RelayLimits } from '../control/relay-accounts.ts'
import type { Connection, ConnectionId } from '../control/state.ts'
import { now } from '../io/clock.ts'
import type { UdpSocket } from '../io/udp-socket.ts'
import type { HostPort } from '../wire/address.ts'
import type { DirectoryRelay, RelayOutput } from './directory-host.ts'
import { RelayLeg, type RelayLegDeps } from './relay-leg.ts'

/** What a {@link RelayHost} is built with. */
export interface RelayHostDeps extends Pick<RelayLegDeps, 'timeoutMs' | 'connectionOf'> {
  readonly limits: RelayLimits
  /** A connection has a leg. */
  readonly onAttached: (id: ConnectionId) => void
  /** A leg stopped being a stranger's, or is one's again before it closes. */
  readonly onLeg: (leg: RelayLeg, isKnown: boolean) => void
  readonly onClosed: (leg: RelayLeg) => void
}

/** Runs the relay: on the socket of the rendezvous port, and on legs over TLS. */
export class RelayHost implements DirectoryRelay {
  readonly #deps: RelayHostDeps
  readonly #relay: Relay
  readonly #legs = new Map<ConnectionId, RelayLeg>()
  /** Of this process: nobody else can tell what two connections' channel is called. */
  readonly #secret = randomBytes(32)
  readonly #sweep: NodeJS.Timeout
  #socket: UdpSocket | undefined

  constructor(deps: RelayHostDeps) {
    this.#deps = deps
    this.#relay = new Relay(now(), deps.limits)
    this.#sweep = setInterval(() => this.#relay.sweep(now()), SWEEP_MS).unref()
  }

  get totals(): RelayTotals {
    return this.#relay.totals
  }

  report(): ChannelReport[] {
    return this.#relay.report(now())
  }

  /** The same whenever the same two processes meet again, so that their links stay where they are. */
  readonly nameChannel = (one: Connection, other: Connection): string => {
    const hmac = createHmac('sha256', this.#secret)
    for (const end of [partyOf(one), partyOf(other)].sort()) hmac.update(`${end}\n`)
    return hmac.digest('hex').slice(0, CHANNEL_DIGITS)
  }

  handleOutput(output: RelayOutput): void {
    if (output.kind === 'channel') this.#relay.open(output.channel, output.ends)
    else if (output.kind === 'channel-gone') this.#relay.close(output.channel)
    else this.#relay.replace(output.older, output.newer)
  }

  /** A connection signed in. */
  enter(id: ConnectionId, user: string): void {
    this.#relay.enter(id, user)
  }

  /** A connection's token is not good any more, and so its leg is not. */
  leave(id: ConnectionId): void {
    this.#legs.get(id)?.close()
    this.#relay.leave(id)
  }

  /** Its token came from there. @param address - as the socket spells it. @param isProven - so did what was answered there. */
  see(id: ConnectionId, address: HostPort, isProven: boolean): void {
    this.#relay.see(now(), id, address, isProven)
  }

  /** The rendezvous port's socket. */
  attach(socket: UdpSocket): void {
    this.#socket = socket
  }

  /**
   * @param from - as the socket spells it, or the connection whose leg it is.
   * @param datagram - not touched again by the caller.
   * @returns false when it was dropped.
   */
  handleDatagram(from: HostPort | ConnectionId, datagram: Uint8Array): boolean {
    const target = this.#relay.handle(now(), from, datagram)
    if (!target) return false
    const isSent = target.hasLeg
      ? this.#legs.get(target.id)?.send(datagram) === true
      : this.#send(target.address, datagram)
    if (!isSent) this.#relay.handleFull(datagram.byteLength)
    return isSent
  }

  /** A TLS connection that says it is a leg. */
  accept(socket: TLSSocket, address: string): RelayLeg {
    const { timeoutMs, connectionOf } = this.#deps
    return new RelayLeg(socket, address, {
      timeoutMs,
      connectionOf,
      onAttached: (leg) => this.#attachLeg(leg),
      onDatagram: ({ connection }, datagram) => connection !== undefined && this.handleDatagram(connection, datagram),
      onClosed: (leg) => this.#detachLeg(leg),
    })
  }

  close(): void {
    clearInterval(this.#sweep)
    for (const leg of this.#legs.values()) leg.close()
  }

  #send(to: HostPort | undefined, datagram: Uint8Array): boolean {
    const socket = this.#socket
    if (!to || !socket || socket.unsent > MAX_UNSENT) return false
    socket.send(to, datagram)
    return true
  }

  #attachLeg(leg: RelayLeg): void {
    const id = leg.connection!
    const older = this.#legs.get(id)
    this.#legs.set(id, leg)
    older?.close()
    this.#relay.attach(id)
    this.#deps.onLeg(leg, true)
    this.#deps.onAttached(id)
  }

  #detachLeg(leg: RelayLeg): void {
    const { connection: id } = leg
    if (id !== undefined) {
      this.#deps.onLeg(leg, false)
      if (this.#legs.get(id) === leg) {
        this.#legs.delete(id)
        this.#relay.detach(id)
      }
    }
    this.#deps.onClosed(leg)
  }
}

const partyOf = ({ instance, device, user }: Connection): string => `${instance} ${device} ${user.user}`

/** 8 bytes. */
const CHANNEL_DIGITS = 16
/** Implementation: how often idle channels are looked for, milliseconds. */
const SWEEP_MS = 10_000
/** Implementation: what waits in the process because the system takes no more, bytes, beyond which datagrams are dropped. */
const MAX_UNSENT = 1_048_576
