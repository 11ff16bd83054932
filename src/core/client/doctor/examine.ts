import { newInstance, proveDevice } from '../../control/device-proof.ts'
import { CONTROL_PROTOCOL } from '../../control/methods.ts'
import { MsgError } from '../../errors.ts'
import { dialControl, type ControlChannel } from '../../io/control-channel.ts'
import type { ServerCertificate } from '../../io/tls-dial.ts'
import { interfaceTowards, networkInterfaces, pathMtuTowards } from '../../io/network-interfaces.ts'
import { findRouter, type MapperAnswer } from '../../io/port-mapping.ts'
import { offersRelay } from '../../io/relay-offer.ts'
import { probeRendezvous } from '../../io/rendezvous-probe.ts'
import { UdpSocket } from '../../io/udp-socket.ts'
import { formatAddress, normalizeHost, parseAddress, type HostPort } from '../../wire/address.ts'
import { isOwnHost } from '../hosts.ts'
import { dataDirOf } from '../profile/data-dir.ts'
import { ServerTrust } from '../server-trust.ts'
import { diagnose } from './diagnose.ts'
import type { MachineFindings, Measurements, ServerFindings } from './measurements.ts'
import { capital, type NetReport } from './report.ts'

/** What {@link examineNetwork} takes. */
export interface ExamineOptions {
  /** `host`, `host:port` or `[v6]:port`. @default only this machine is examined */
  readonly server?: string
  /** Signs in as that user with the kept key, since UDP ports answer nobody else. @default who signed in there last */
  readonly user?: string
  /** Expected fingerprint; as for `createClient`. */
  readonly fingerprint?: string
  readonly dataDir?: string
  /** Ends it at once. */
  readonly signal?: AbortSignal
  /** Where routers are asked for ports. @default by NAT-PMP and UPnP */
  readonly findRouter?: (deadlineMs: number, options: { signal: AbortSignal }) => Promise<MapperAnswer | undefined>
}

/** Parts of an examination that a person can watch. */

export type ExaminationStage = 'machine' | 'server' | 'udp' | 'router'

/**
 * Finds out what links can do here: takes at most ten seconds, remembers nothing, and changes nothing.
 *
 * @param onDone - told when a part is over.
 * @throws MSG_ERR_USAGE for what is no address; MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS; MSG_ERR_CANCELLED
 */
export async function examineNetwork(
  options: ExamineOptions = {},
  onDone: (stage: ExaminationStage) => void = () => {},
): Promise<NetReport> {
  const startedAt = performance.now()
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline
  const find = options.findRouter ?? findRouter
  const [machine, server, router] = await Promise.all([
    examineMachine().finally(() => onDone('machine')),
    visit(options, signal, onDone),
    find(ROUTER_MS, { signal })
      .catch(() => null)
      .finally(() => onDone('router')),
  ])
  if (options.signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'examining the network' })
  const measurements: Measurements = {
    platform: process.platform,
    now: Date.now(),
    machine,
    ...(server ? { server } : {}),
    router,
  }
  const seconds = Math.round(performance.now() - startedAt) / 1_000
  const signIn = server?.signIn
  return {
    server: server?.address ?? null,
    user: signIn && 'user' in signIn ? signIn.user : null,
    ...diagnose(measurements),
    seconds,
  }
}

async function examineMachine(): Promise<MachineFindings> {
  const [v4, v6] = [await complaintOfBinding('0.0.0.0'), await complaintOfBinding('::')]
  const socket = await UdpSocket.bind().catch(() => undefined)
  const buffers = socket?.buffers
  await socket?.close()
  return { v4, v6, buffers, interfaces: networkInterfaces() }
}

async function complaintOfBinding(host: string): Promise<string | null> {
  try {
    const socket = await UdpSocket.bind({ host, offload: false })
    await socket.close()
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

async function visit(
  options: ExamineOptions,
  signal: AbortSignal,
  onDone: (stage: ExaminationStage) => void,
): Promise<ServerFindings | undefined> {
  if (options.server === undefined) return undefined
  const address = parseAddress(options.server)
  const name = formatAddress(address)
  const trust = new ServerTrust(dataDirOf(options.dataDir), name, options)
  let channel: ControlChannel | undefined
  try {
    const greeted = await greet(address, name, trust, signal)
    channel = greeted.channel
    const { host } = greeted.findings
    const relaysOverTls = offersRelay(address, { fingerprint: channel.fingerprint, signal })
    const route = { interface: await interfaceTowards(host!), pathMtu: await pathMtuTowards(host!) }
    const findings = { ...greeted.findings, route }
    const signedIn = await signIn(channel, trust, options.user)
    onDone('server')
    if (!('token' in signedIn)) return { ...findings, signIn: signedIn, ...(await known(relaysOverTls)) }
    const { udpPort, probePort, isAcross, token, user } = signedIn
    const server = { host: normalizeHost(channel.remoteHost), port: udpPort }
    const udp = await probeRendezvous({ server, probePort, token, isOwnHost, signal }).catch(() => undefined)
    return {
      ...findings,
      signIn: { user },
      udpPort,
      probePort,
      isAcross,
      ...(udp ? { udp } : {}),
      ...(await known(relaysOverTls)),
    }
  } catch (error) {
    const { code, message, spec, cause } = MsgError.of(error)
    const reason = (cause as NodeJS.ErrnoException | undefined)?.code
    return { address: name, failure: { code, message, hint: (spec as { hint?: string }).hint, reason } }
  } finally {
    channel?.close()
    onDone('server')
    onDone('udp')
  }
}

/** Connects and says hello; nothing is remembered of the server's key. @throws why there is no talking to it */
async function greet(
  address: HostPort,
  name: string,
  trust: ServerTrust,
  signal: AbortSignal,
): Promise<{ channel: ControlChannel; findings: ServerFindings }> {
  let certificate: ServerCertificate | undefined
  const dialedAt = performance.now()
  const channel = await dialControl({
    address,
    verify: (fingerprint, seen) => {
      trust.judge(fingerprint)
      certificate = seen
    },
    signal,
    connectTimeoutMs: CONNECT_MS,
    requestTimeoutMs: ANSWER_MS,
    onNotification: () => {},
    onClosed: () => {},
  })
  try {
    const connectMs = performance.now() - dialedAt
    const askedAt = performance.now()
    const clockBefore = Date.now()
    const { protocol, time } = await channel.request('hello', {
      protocol: CONTROL_PROTOCOL,
      agent: 'msg-cli',
      plugins: {},
    })
    const answerMs = performance.now() - askedAt
    if (protocol !== CONTROL_PROTOCOL)
      throw new MsgError('MSG_ERR_VERSION', { detail: `control ${CONTROL_PROTOCOL} here, ${protocol} there` })
    const told = Date.parse(time ?? '')
    const findings: ServerFindings = {
      address: name,
      host: normalizeHost(channel.remoteHost),
      connectMs,
      answerMs,
      fingerprint: channel.fingerprint,
      trust: trust.reason,
      ...certificate,
      // Its clock was read on the way: half a round trip after the question.
      ...(Number.isNaN(told) ? {} : { clockAheadMs: Math.round(clockBefore + answerMs / 2 - told) }),
    }
    return { channel, findings }
  } catch (error) {
    channel.destroy()
    throw error
  }
}

/** Signs in with the kept key, unseen by others. @returns the way to the UDP ports, or why there is none */
async function signIn(
  channel: ControlChannel,
  trust: ServerTrust,
  wanted: string | undefined,
): Promise<
  | { readonly why: string; readonly advice?: string }
  | {
      readonly user: string
      readonly udpPort: number
      readonly probePort: number | undefined
      readonly isAcross: boolean
      readonly token: Uint8Array
    }
> {
  try {
    const user = wanted ?? trust.profiles.lastUser()
    const key = user === undefined ? undefined : trust.profiles.deviceKey(user)
    if (user === undefined || !key) return { why: 'unknown' }
    const { user: name, udp } = await channel.request('login.device', {
      user,
      ...proveDevice(key, channel.exporter(), user, newInstance(key.publicKey)),
      listening: false,
    })
    return {
      user: name,
      udpPort: udp.port,
      probePort: udp.probePort,
      isAcross: udp.across !== undefined,
      token: Buffer.from(udp.token, 'hex'),
    }
  } catch (error) {
    const { code, message, spec } = MsgError.of(error)
    if (code === 'MSG_ERR_DEVICE_UNKNOWN') return { why: message }
    const { hint } = spec as { hint?: string }
    return { why: message, advice: hint === undefined ? 'Run this again later.' : `${capital(hint)}.` }
  }
}

async function known(asked: Promise<boolean | undefined>): Promise<Pick<ServerFindings, 'relaysOverTls'>> {
  const relaysOverTls = await asked
  return relaysOverTls === undefined ? {} : { relaysOverTls }
}

/** The whole; its parts are shorter, milliseconds. */
const DEADLINE_MS = 9_500
const CONNECT_MS = 3_000
const ANSWER_MS = 2_000
const ROUTER_MS = 4_000
