import { MsgError } from '../errors.ts'
import type { Instant } from '../time/instant.ts'
import type { ClosedEvent, ConnectionEvent } from './connection/events.ts'
import type { Dialing } from './connection/handshake.ts'
import type { Connection } from './connection/machine.ts'
import type { LinkStats, PeerIdentity } from './endpoint-api.ts'
import type { Transmit } from './machine.ts'

/** One link from its first datagram to its last: dialing, then a connection. */
export class LinkMachine {
  readonly peer: PeerIdentity
  readonly isInitiator: boolean
  /** This side's connection id as a map key. */
  readonly idKey: number
  /** When an accepted link that was not confirmed is given up. */
  readonly confirmBy: Instant
  #dialing: Dialing | undefined
  #connection: Connection | undefined
  #unanswered: ClosedEvent | undefined
  #isSilent = false
  #isProven = false
  /** Ids: links that are over must not be kept by those that came after them. */
  readonly #older: ReadonlySet<number>
  readonly #events: ConnectionEvent[] = []

  constructor(
    idKey: number,
    peer: PeerIdentity,
    start: { dialing: Dialing } | { connection: Connection; confirmBy: Instant; older: readonly LinkMachine[] },
  ) {
    this.idKey = idKey
    this.peer = peer
    this.isInitiator = 'dialing' in start
    this.#dialing = 'dialing' in start ? start.dialing : undefined
    this.#connection = 'connection' in start ? start.connection : undefined
    this.confirmBy = 'confirmBy' in start ? start.confirmBy : Infinity
    this.#older = new Set('older' in start ? start.older.flatMap((other) => (other.isProven ? other.idKey : [])) : [])
  }

  get state(): 'connecting' | 'open' | 'closed' {
    if (this.#unanswered || this.#connection?.isClosed) return 'closed'
    return this.#connection?.isConfirmed ? 'open' : 'connecting'
  }

  /** True when nothing more will be sent or told. */
  get isDone(): boolean {
    return this.#unanswered !== undefined || this.#connection?.isDrained === true
  }

  /** True once the peer has used the link: it holds the keys, and knew of the link then. */
  get isProven(): boolean {
    return (this.#isProven ||= this.#connection !== undefined && this.#connection.stats().packetsReceived > 0)
  }

  /** True when the peer knew of `other` before this side answered the call that made this link. */
  isNewerThan(other: LinkMachine): boolean {
    return this.#older.has(other.idKey)
  }

  get dialing(): Dialing | undefined {
    return this.#dialing
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  /** The handshake is over: the connection takes the link from here. */
  connect(connection: Connection): void {
    this.#dialing = undefined
    this.#connection = connection
  }

  /** @throws MSG_ERR_LINK_CLOSED before the link is open. */
  openStream(priority: number): number {
    if (this.#connection === undefined || this.state !== 'open')
      throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'it is not open' })
    return this.#connection.streams.open(priority)
  }

  /** From now on the owner is told nothing, of what has happened neither. */
  silence(): void {
    this.#isSilent = true
  }

  close(now: Instant, code: number, reason: string): void {
    if (this.#connection) this.#connection.close(now, code, reason)
    else this.#end({ type: 'closed', kind: 'local', code, reason })
  }

  handleTimeout(now: Instant): void {
    if (this.#dialing?.handleTimeout(now)) {
      this.#end({ type: 'closed', kind: 'unanswered', code: 0, reason: 'nobody answered at any address' })
    }
    if (this.#connection && !this.#connection.isConfirmed && now >= this.confirmBy) {
      this.#connection.close(now, 0, 'the handshake was not finished')
    }
    this.#connection?.handleTimeout(now)
  }

  pollTransmit(now: Instant): Transmit | undefined {
    return this.#dialing ? this.#dialing.pollTransmit() : this.#connection?.pollTransmit(now)
  }

  pollTimeout(): Instant | undefined {
    if (this.#dialing) return this.#dialing.pollTimeout()
    const at = this.#connection?.pollTimeout()
    return at === undefined || this.#connection?.isConfirmed ? at : Math.min(at, this.confirmBy)
  }

  pollEvent(): ConnectionEvent | undefined {
    if (this.#isSilent) return undefined
    return this.#connection?.pollEvent() ?? this.#events.shift()
  }

  stats(): LinkStats {
    const remote = this.#connection?.remote ?? { host: '', port: 0 }
    const counts = this.#connection?.stats() ?? NO_STATS
    return { remote, ...counts }
  }

  #end(event: ClosedEvent): void {
    if (this.#unanswered) return
    this.#dialing = undefined
    this.#unanswered = event
    this.#events.push(event)
  }
}

const NO_STATS = Object.freeze({
  path: 'direct',
  cause: 'first',
  isSearching: false,
  bytesRelayed: 0,
  srtt: 0,
  minRtt: 0,
  packetsSent: 0,
  packetsReceived: 0,
  packetsLost: 0,
  packetsSpurious: 0,
  bytesSent: 0,
  bytesReceived: 0,
  cwnd: 0,
  bytesInFlight: 0,
  datagramSize: 0,
  deliveryRate: 0,
  pacingRate: 0,
  congestion: '',
  keyPhase: 0,
} as const)
