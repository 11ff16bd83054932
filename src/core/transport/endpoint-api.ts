import type { Duration } from '../time/instant.ts'
import type { Observation, RendezvousOptions } from './rendezvous-client.ts'

/** An IP literal and a UDP port. */
export interface SocketAddress {
  readonly host: string
  readonly port: number
  /** Through the relay at that address: 8 bytes in hex, which name the channel there (wire/relay.ts). @default straight to it */
  readonly channel?: string
  /** From, or to, another socket of this endpoint, by its number from 1 on ({@link LinkEndpoint.guess}). @default its own */
  readonly socket?: number
}

/**
 * What is known of an address where a peer may be reached.
 *
 * | value | |
 * |---|---|
 * | `host` | the peer's own, on what may be the same network |
 * | `open` | the peer's own, seen by the server: no NAT in front |
 * | `observed` | where the server sees the peer: its NAT lets in whom the peer has written to, if at all |
 * | `mapped` | a port that the peer's router opened when asked |
 * | `relay` | a channel of the server's relay, which reaches the peer wherever it is |
 */
export type CandidateKind = 'host' | 'open' | 'observed' | 'mapped' | 'relay'

/** An address where a peer may be reached. */
export interface Candidate extends SocketAddress {
  /** @default 'host' */
  readonly kind?: CandidateKind | undefined
}

/** Which way a link's datagrams take. */
export type PathKind = 'lan' | 'direct' | 'relayed'

/**
 * Why a link's datagrams take the way they take: it began there (`first`), a better one answered (`confirmed`), the peer is at another
 * address (`moved`), or the better one fell silent (`silent`).
 */
export type PathCause = 'first' | 'confirmed' | 'moved' | 'silent'

/** One other connection that this endpoint may link with, as the server introduced it. */
export interface PeerIdentity {
  /** 16 bytes in hex. */
  readonly instance: string
  /** The device's X25519 public key, 32 bytes. */
  readonly key: Uint8Array
}

/** What a link measures of itself. */
export interface LinkStats {
  readonly path: PathKind
  readonly remote: SocketAddress
  readonly cause: PathCause
  /** True while a better path is tried; between two series of attempts it is not. */
  readonly isSearching: boolean
  /** Of what was sent and received, bytes that went through a relay. */
  readonly bytesRelayed: number
  /** Smoothed and smallest round-trip time, microseconds; 0 before the first sample. */
  readonly srtt: Duration
  readonly minRtt: Duration
  readonly packetsSent: number
  readonly packetsReceived: number
  readonly packetsLost: number
  /** Of those, packets that arrived after all. */
  readonly packetsSpurious: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Congestion window and bytes in flight, bytes. */
  readonly cwnd: number
  readonly bytesInFlight: number
  /** Largest datagram sent now, bytes of UDP payload; 0 before the link has a path. */
  readonly datagramSize: number
  /** How fast the path delivered when it was last kept busy, and how fast datagrams may leave, bits per second; 0 while unknown. */
  readonly deliveryRate: number
  readonly pacingRate: number
  /** Name of the congestion controller; '' before the link has a path. */
  readonly congestion: string
  /** Key updates so far. */
  readonly keyPhase: number
}

/** What happens on a link, told to the {@link LinkListener} that its owner gave. Called synchronously, never re-entrantly. */
export interface LinkListener {
  /** Both sides are confirmed; data may flow. */
  onOpen(link: Link): void
  /** The next bytes of a stream, in order. The view is valid during the call only. */
  onData(link: Link, stream: number, bytes: Uint8Array, fin: boolean): void
  /** The peer gave up sending on a stream; nothing more comes on it. */
  onReset?(link: Link, stream: number, code: number): void
  /** The peer wants nothing more of a stream: what has not gone is forgotten, and `write` takes nothing more. */
  onStop?(link: Link, stream: number, code: number): void
  /** The peer is at another address now; `stats` tells which. */
  onMoved?(link: Link): void
  /** A stream that had refused bytes takes some again. */
  onWritable(link: Link, stream: number): void
  /** The link is over; nothing follows, not even what waits on paused streams. `code` is 0 for a graceful close. */
  onClosed(link: Link, reason: LinkCloseReason): void
}

/** Why a link ended. */
export interface LinkCloseReason {
  /** `unanswered`: the handshake got no answer; `idle`: an open link fell silent. */
  readonly kind: 'local' | 'remote' | 'idle' | 'unanswered' | 'protocol'
  readonly code: number
  readonly reason: string
}

/** One encrypted association with one peer. */
export interface Link {
  readonly peer: PeerIdentity
  readonly state: 'connecting' | 'open' | 'closed'
  /** True when this side started the handshake. */
  readonly isInitiator: boolean
  /** Opens a stream; the lower the priority number, the sooner its bytes go. @returns its id. */
  openStream(priority: number): number
  /** Changes a stream's priority; those that the peer opened have 0 until then. */
  setPriority(stream: number, priority: number): void
  /**
   * Queues bytes on a stream; they are copied before the call returns. All writes of one turn of the event loop share datagrams.
   *
   * @returns how many bytes were taken: fewer than given when the send buffer is full, then `onWritable` follows.
   */
  write(stream: number, bytes: Uint8Array): number
  /** Sends FIN after what was written. */
  finish(stream: number): void
  /** Gives up sending: forgets what has not gone and tells the peer `code`, from 0 to 2^53 - 1. @throws MSG_ERR_USAGE for another code */
  reset(stream: number, code: number): void
  /** Wants nothing more of a stream: no more `onData` of it, and the peer, told `code`, answers with a reset. @throws as `reset` */
  stop(stream: number, code: number): void
  /**
   * No more `onData` of a stream until `resume`, as of a paused Node stream; called in its `onData`, that was the last. What comes meanwhile
   * is kept, at most twice the stream's window, and moves no window, so that the peer's `write` takes less and less; other streams go on
   * while the windows of all paused ones come to no more than 16 MiB.
   * A reset is told at once. Nothing happens for a stream of which nothing was told, or that is over.
   */
  pause(stream: number): void
  /** Hands on what was kept, in order and in portions, and then what comes. */
  resume(stream: number): void
  /** Asks for a sign of life: closes the link as `idle` when none comes within about three seconds. */
  probe(): void
  stats(): LinkStats
  close(code?: number, reason?: string): void
}

/** What the system gave a socket to hold datagrams, bytes of the program's own counting, and what it was asked for. */
export interface SocketBuffers {
  readonly receive: number
  readonly send: number
  readonly wanted: number
}

/** One UDP socket with every link on it. */
export interface LinkEndpoint {
  /** The socket's buffers; `undefined` where there is no socket. */
  readonly buffers?: SocketBuffers
  /** The socket's own address. */
  readonly address: SocketAddress
  /**
   * Starts a handshake towards every candidate at once, but, where there is a relay, not towards those behind a NAT; the first that answers carries
   * the link. Gives up with `unanswered` after ten seconds. Better paths are tried once the link is open.
   */
  connect(peer: PeerIdentity, candidates: readonly Candidate[], listener: LinkListener): Link
  /** Answers handshakes of this peer from now on; strangers get silence. A new handshake replaces that instance's older link. */
  expect(peer: PeerIdentity, listener: LinkListener, candidates?: readonly Candidate[]): void
  /** Stops answering that instance. An open link stays. */
  forget(instance: string): void
  /** Where that peer may be reached has changed: its links look for a better path anew. */
  guide(instance: string, candidates: readonly Candidate[]): void
  /**
   * Birthday probing, for a peer with whom one router gives every destination another port: the side that has this router opens 256 sockets and
   * challenges from all of them; the other one opens its own router towards 1,024 random ports of that address, with datagrams that do not get there.
   * Some pair of the two is likely to fit. At most once a minute for each peer.
   *
   * @param side - which of the two this is.
   * @param at - where the server sees the peer.
   */
  guess(instance: string, side: 'sockets' | 'ports', at: SocketAddress): void
  /**
   * Keeps the server told of this socket's address: sends the token at once, again until answered, then every 25 s.
   *
   * @param onObserved - what the server sees, whenever that changes.
   */
  rendezvous(options: RendezvousOptions, onObserved: (observation: Observation) => void): void
  /** This machine has other addresses now, or slept: the server is asked what it sees at once, and links look for their paths anew. */
  handleNetworkChange(): void
  /** From now on what goes through the relay leaves there, not by the socket. @param leg - `undefined`: by the socket again */
  useLeg?(leg: { send(datagram: Uint8Array): void } | undefined): void
  /** A relayed datagram came over the leg. */
  handleLegDatagram?(datagram: Uint8Array): void
  /** Closes every link, tells the peers, frees the socket. */
  close(): Promise<void>
}
