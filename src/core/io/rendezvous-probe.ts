import { RendezvousClient, type MappingBehaviour } from '../transport/rendezvous-client.ts'
import type { SocketAddress } from '../transport/endpoint-api.ts'
import { encodeRequest } from '../wire/rendezvous.ts'
import { now } from './clock.ts'
import { UdpSocket } from './udp-socket.ts'

/** What a socket learnt from the server's UDP ports. */
export interface RendezvousFindings {
  readonly mapping: MappingBehaviour
  /** Where the server sees the socket; `undefined` when it was never answered. */
  readonly seenAt: SocketAddress | undefined
  readonly main: PortFindings
  /** Of the second port; `undefined` where the server has none. */
  readonly probe: PortFindings | undefined
}

/** How one UDP port answered. */
export interface PortFindings {
  readonly asked: number
  /** Round trips of what was answered, milliseconds, in order. */
  readonly rttMs: readonly number[]
}

/** What {@link probeRendezvous} takes. */
export interface RendezvousProbeOptions {
  readonly server: SocketAddress
  readonly probePort: number | undefined
  /** 16 bytes, from sign-in. */
  readonly token: Uint8Array
  /** Whether a host is this machine's own. */
  readonly isOwnHost: (host: string) => boolean
  readonly signal: AbortSignal
}

/** Asks the server's UDP ports as a client would, until it is known what stands between; then a few times more, one by one. @throws the reason of `signal` */
export async function probeRendezvous(options: RendezvousProbeOptions): Promise<RendezvousFindings> {
  const { server, probePort, signal } = options
  const socket = await UdpSocket.bind({ offload: false })
  try {
    const { mapping, address } = await observe(socket, options)
    const main = address ? await sample(socket, server, MAIN_SAMPLES, options) : { asked: MAIN_SAMPLES, rttMs: [] }
    const probe =
      probePort === undefined || !address
        ? undefined
        : // The machine has just asked it in vain.
          mapping === 'unknown'
          ? { asked: PROBE_SAMPLES, rttMs: [] }
          : await sample(socket, { host: server.host, port: probePort }, PROBE_SAMPLES, options)
    signal.throwIfAborted()
    return { mapping, seenAt: address, main, probe }
  } finally {
    await socket.close()
  }
}

/** Runs the very machine that clients run. */
async function observe(
  socket: UdpSocket,
  { server, probePort, token, isOwnHost, signal }: RendezvousProbeOptions,
): Promise<RendezvousClient['observation']> {
  const { port } = socket.address
  const client = new RendezvousClient(now(), {
    server,
    ...(probePort === undefined ? {} : { probes: [{ host: server.host, port: probePort }] }),
    token,
    isOwn: (address) => address.port === port && isOwnHost(address.host),
  })
  let answeredAt = probePort === undefined ? -Infinity : Infinity
  const isDone = (): boolean => {
    const { mapping, address } = client.observation
    if (mapping !== 'unknown') return true
    return address !== undefined && performance.now() - answeredAt > OTHER_PORT_MS
  }
  await new Promise<void>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const finish = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      off()
    }
    const onAbort = (): void => {
      finish()
      reject(signal.reason)
    }
    const turn = (): void => {
      client.handleTimeout(now())
      for (let due = client.pollTransmit(); due; due = client.pollTransmit()) socket.send(due.to, due.payload)
      if (isDone()) {
        finish()
        resolve()
        return
      }
      clearTimeout(timer)
      timer = setTimeout(turn, Math.min(MAX_WAIT_MS, Math.max(0, (client.pollTimeout() - now()) / 1_000)))
    }
    const off = listen(socket, (from, bytes) => {
      client.handleResponse(now(), from, bytes)
      if (client.observation.address && answeredAt === Infinity) answeredAt = performance.now()
      turn()
    })
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else turn()
  })
  return client.observation
}

/** One request after the other; what is not answered in time is lost. */
async function sample(
  socket: UdpSocket,
  to: SocketAddress,
  amount: number,
  { token, signal }: RendezvousProbeOptions,
): Promise<PortFindings> {
  const request = encodeRequest(token)
  const rttMs: number[] = []
  for (let i = 0; i < amount && !signal.aborted; i++) {
    const sentAt = performance.now()
    const isAnswered = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => finish(false), ANSWER_MS)
      const off = listen(socket, ({ port }) => {
        if (port === to.port) finish(true)
      })
      const finish = (isAnswered: boolean): void => {
        clearTimeout(timer)
        off()
        resolve(isAnswered)
      }
      socket.send(to, request)
    })
    if (isAnswered) rttMs.push(performance.now() - sentAt)
  }
  return { asked: amount, rttMs }
}

/** @returns stops listening. */
function listen(socket: UdpSocket, listener: (from: SocketAddress, bytes: Uint8Array) => void): () => void {
  let isOff = false
  socket.onDatagram((from, bytes) => {
    if (!isOff) listener(from, bytes)
  })
  return () => {
    isOff = true
  }
}

/** Together with what the machine asked, within what a server takes of one client at once. */
const MAIN_SAMPLES = 5
const PROBE_SAMPLES = 3
/** A request without an answer for so long is lost, milliseconds: few paths are slower. */
const ANSWER_MS = 600
/** How long the other port is waited for, once the first has answered. */
const OTHER_PORT_MS = 1_600
/** Between two looks at the clock. */
const MAX_WAIT_MS = 100
