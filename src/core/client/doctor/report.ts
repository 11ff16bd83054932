import type { Facts } from '../../plugins/scope-api.ts'

/** What {@link NetCheck}s are about; ids of the JSON contract, in the order of the report. */
export type NetCheckId =
  | 'udp-socket'
  | 'buffers'
  | 'ipv6'
  | 'vpn'
  | 'server'
  | 'server-key'
  | 'clock'
  | 'sign-in'
  | 'udp'
  | 'probe-port'
  | 'mapping'
  | 'mtu'
  | 'relay'
  | 'port-mapping'

/** `skipped`: it could not be checked; `advice` says how it can. */
export type NetCheckStatus = 'ok' | 'warn' | 'fail' | 'skipped'

/** One thing that links need, or that makes them better. */
export interface NetCheck {
  readonly id: NetCheckId
  /** A noun for people. */
  readonly title: string
  readonly status: NetCheckStatus
  /** What was measured: a clause for people. */
  readonly measured: string
  /** What that means, in plain words: a sentence, or '' where the measurement says all. */
  readonly meaning: string
  /** What to do about it: a sentence; null when there is nothing to do. */
  readonly advice: string | null
  /** What was measured, for programs. */
  readonly facts: Facts
}

/** What `msg net doctor` found. */
export interface NetReport {
  /** `host:port`; null when only this machine was examined. */
  readonly server: string | null
  /** Who was signed in for it; null when nobody. */
  readonly user: string | null
  /** The worst of all checks; what was skipped does not count. */
  readonly verdict: 'ok' | 'warn' | 'fail'
  /** What to expect, for people: a sentence. */
  readonly summary: string
  /** How long it took. */
  readonly seconds: number
  readonly checks: readonly NetCheck[]
}

/** A hint as the beginning of a sentence. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
