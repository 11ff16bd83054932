import type { NetworkInterface } from '../../io/network-interfaces.ts'
import type { RendezvousFindings } from '../../io/rendezvous-probe.ts'
import type { SocketBuffers } from '../../transport/endpoint-api.ts'

/** Everything that was measured; the checks are functions of it. Times of the wall clock are milliseconds. */
export interface Measurements {
  /** As `process.platform` names it. */
  readonly platform: string
  /** This machine's clock. */
  readonly now: number
  readonly machine: MachineFindings
  /** Absent when no server was named. */
  readonly server?: ServerFindings
  /** Who opens ports when asked; `undefined` when nobody answered, `null` when nobody was asked in time. */
  readonly router:
    { readonly by: 'upnp' | 'nat-pmp'; readonly router: string; readonly externalHost: string } | undefined | null
}

export interface MachineFindings {
  /** What the system said to a UDP socket of that family; null when it was bound. */
  readonly v4: string | null
  readonly v6: string | null
  readonly buffers: SocketBuffers | undefined
  readonly interfaces: readonly NetworkInterface[]
}

/** What became of the visit to a server; what comes after a failure is absent. */
export interface ServerFindings {
  /** `host:port` as it was named. */
  readonly address: string
  /** Why there is no talking to it. */
  readonly failure?: {
    readonly code: string
    readonly message: string
    readonly hint: string | undefined
    /** What the system called it. */
    readonly reason?: string | undefined
  }
  /** The IP address that was reached. */
  readonly host?: string
  /** TCP and TLS together, and one question and its answer, milliseconds. */
  readonly connectMs?: number
  readonly answerMs?: number
  readonly fingerprint?: string
  /** Why it is trusted, or `new`: it is not known here, and was not remembered. */
  readonly trust?: 'pinned' | 'given' | 'new'
  readonly validFrom?: number
  readonly validTo?: number
  /** How far this machine's clock is ahead of the server's, milliseconds; absent where the server does not tell. */
  readonly clockAheadMs?: number
  /** Which way packets to it leave. */
  readonly route?: Route
  /** Signed in, or why not: `unknown` nobody ever has from here, else what went wrong; `advice` when signing in with the password would not help. */
  readonly signIn?: { readonly user: string } | { readonly why: 'unknown' | string; readonly advice?: string }
  readonly udpPort?: number
  readonly probePort?: number | undefined
  /** The server is there by the other family, too; absent before signing in. */
  readonly isAcross?: boolean
  readonly udp?: RendezvousFindings
  /** Whether the server takes relayed datagrams over TLS; absent when that could not be asked. */
  readonly relaysOverTls?: boolean
}

/** Which way packets to the server leave this machine. */
export interface Route {
  readonly interface: NetworkInterface | undefined
  /** What the system knows of the path's MTU, bytes; `undefined` when nothing. */
  readonly pathMtu: number | undefined
}
