import { createSocket } from 'node:dgram'
import type { EventEmitter } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { parentPort, workerData } from 'node:worker_threads'
import type { Gateway, MapPortOptions } from '@achingbrain/nat-port-mapper'
import { isPrivate } from '../wire/address.ts'

/*
 * The thread in which the port mapper runs, for one question. The package binds sockets, sets timers, throws where nobody catches, and fetches what its
 * neighbours name; all of that ends with the thread, and what is fetched is bounded here.
 */

/** What a thread of the port mapper is asked. */
export interface MapperRequest {
  readonly job: 'find' | 'map' | 'unmap'
  /** Of this machine's UDP socket. */
  readonly port: number
  /** Of the router: wanted, or to be given back. */
  readonly externalPort: number
  /** How long the router keeps it open unless asked again. */
  readonly leaseSeconds: number
  /** When a search for UPnP ends, milliseconds from the question. */
  readonly deadlineMs: number
  /** By which it was opened: the other protocol is not tried. @default both are */
  readonly by?: 'upnp' | 'nat-pmp' | undefined
  /** IPv4 address of the router. @default unknown: only UPnP is tried */
  readonly router?: string
  /** URL of a UPnP description. @default searched for */
  readonly descriptor?: string
}

/** What it found, opened or closed. */
export interface MapperAnswer {
  readonly by: 'upnp' | 'nat-pmp'
  /** IPv4 address of the router inside. */
  readonly router: string
  /** Where the world sees the router; '' when a port was given back. */
  readonly externalHost: string
  /** 0 unless a port was opened. */
  readonly externalPort: number
}

/** @throws why neither protocol did it. */
async function answer(request: MapperRequest): Promise<MapperAnswer> {
  const { pmpNat, upnpNat } = await import('@achingbrain/nat-port-mapper')
  const complaints: string[] = []
  // A datagram may be lost, and the package sends none again.
  const pmpRouter = request.by === 'upnp' ? undefined : request.router
  for (let attempt = 0; attempt < PMP_ATTEMPTS && pmpRouter !== undefined; attempt++) {
    const gateway = strict(pmpNat(pmpRouter, { autoRefresh: false }), pmpRouter)
    try {
      return await ask(gateway, 'nat-pmp', request, AbortSignal.timeout(PMP_MS))
    } catch (error) {
      if (attempt === 0) complaints.push(`NAT-PMP: ${why(error)}`)
    } finally {
      await gateway.stop().catch(() => {})
    }
  }
  if (request.by === 'nat-pmp') throw new Error(complaints.join('; '))
  // The thread's clock starts with it; what is left of the time is for saying what was found.
  const signal = AbortSignal.timeout(
    Math.max(MIN_SEARCH_MS, Math.floor(request.deadlineMs - performance.now()) - SPARE_MS),
  )
  try {
    const upnp = upnpNat({ autoRefresh: false })
    if (request.descriptor !== undefined)
      return await ask(await upnp.getGateway(new URL(request.descriptor), { signal }), 'upnp', request, signal)
    for await (const gateway of upnp.findGateways({ signal, searchInterval: SEARCH_MS }))
      if (gateway.family === 'IPv4') return await ask(gateway, 'upnp', request, signal)
    complaints.push('UPnP: nobody answered')
  } catch (error) {
    complaints.push(`UPnP: ${why(error)}`)
  }
  throw new Error(complaints.join('; '))
}

async function ask(
  gateway: Gateway,
  by: MapperAnswer['by'],
  { job, port, externalPort, leaseSeconds }: MapperRequest,
  signal: AbortSignal,
): Promise<MapperAnswer> {
  if (job === 'find')
    return { by, router: gateway.host, externalHost: await gateway.externalIp({ signal }), externalPort: 0 }
  if (job === 'unmap') {
    await unmap(gateway, by, port, externalPort, signal)
    return { by, router: gateway.host, externalHost: '', externalPort: 0 }
  }
  const options: MapPortOptions = {
    protocol: 'UDP',
    externalPort,
    description: 'msg',
    autoRefresh: false,
    // It hands NAT-PMP's lifetime on as it is, which is in seconds; UPnP's it divides by a thousand.
    ttl: by === 'nat-pmp' ? leaseSeconds : leaseSeconds * 1_000,
    signal,
  }
  const mapped = await gateway.map(port, await ownAddress(gateway.host), options)
  return { by, router: gateway.host, externalHost: mapped.externalHost, externalPort: mapped.externalPort }
}

async function unmap(
  gateway: Gateway,
  by: MapperAnswer['by'],
  port: number,
  externalPort: number,
  signal: AbortSignal,
): Promise<void> {
  if (by === 'nat-pmp') {
    await gateway.unmap(port, { protocol: 'UDP', autoRefresh: false, signal } as MapPortOptions)
    return
  }
  // The package's own way names neither the protocol nor the external port, which routers refuse, and it knows of no earlier process.
  const { gateway: device } = gateway as unknown as { gateway: UpnpDevice }
  const what: Array<[string, string | number]> = [
    ['NewRemoteHost', ''],
    ['NewExternalPort', externalPort],
    ['NewProtocol', 'UDP'],
  ]
  await device.run('urn:schemas-upnp-org:service:WANIPConnection:2', 'DeletePortMapping', what, { signal })
}

/** What of the package's device is used that it does not export. */
interface UpnpDevice {
  run(
    service: string,
    action: string,
    parameters: Array<[string, string | number]>,
    options: { signal: AbortSignal },
  ): Promise<unknown>
}

/** Hears nobody but the router, and fails instead of throwing where nobody catches. */
function strict(gateway: Gateway, router: string): Gateway {
  const loose = gateway as Gateway & EventEmitter & { onMessage(bytes: Buffer, from: { address: string }): void }
  loose.on('error', () => {})
  const onMessage = loose.onMessage.bind(loose)
  loose.onMessage = (bytes, from) => {
    if (from.address === router && bytes.byteLength >= PMP_MIN_ANSWER) onMessage(bytes, from)
  }
  return loose
}

/** This machine's address on the way to `host`. */
async function ownAddress(host: string): Promise<string> {
  const socket = createSocket('udp4')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(9, host, resolve)
    })
    return socket.address().address
  } finally {
    socket.close()
  }
}

/** Whoever answers a search names an address to fetch: the router's own is fetched, or a near one's where that is not known, and no more than a description. */
function boundFetches({ router, descriptor }: MapperRequest): void {
  const isAllowed = ({ protocol, hostname }: URL): boolean => {
    if (protocol !== 'http:') return false
    if (descriptor !== undefined) return hostname === new URL(descriptor).hostname
    return router === undefined ? isPrivate(hostname) : hostname === router
  }
  const check = (url: URL): void => {
    if (!isAllowed(url)) throw new Error(`${url.hostname} is not the router`)
  }
  const { request } = http
  http.request = ((url: URL, options: http.RequestOptions) => {
    check(url)
    const asked = request(url, options)
    let length = 0
    asked.on('response', (response) =>
      response.on('data', (chunk: Buffer) => {
        length += chunk.byteLength
        if (length > MAX_BODY) asked.destroy(new Error('too large an answer'))
      }),
    )
    return asked
  }) as typeof http.request
  https.request = (() => {
    throw new Error('routers are asked over HTTP')
  }) as typeof https.request
  const { fetch } = globalThis
  globalThis.fetch = async (input, init) => {
    check(new URL(String(input)))
    const response = await fetch(input, { ...init, redirect: 'error' })
    const parts: Uint8Array[] = []
    let length = 0
    for await (const part of response.body ?? []) {
      length += part.byteLength
      if (length > MAX_BODY) throw new Error('too large an answer')
      parts.push(part)
    }
    return new Response(Buffer.concat(parts), { status: response.status, headers: response.headers })
  }
}

function why(error: unknown): string {
  const { name, message } = error as Partial<Error>
  return name === 'AbortError' || name === 'TimeoutError' ? 'nobody answered' : (message ?? String(error))
}

/** One answer of a router on the same network, and one more try. */
const PMP_MS = 700
const PMP_ATTEMPTS = 2
/** RFC 6886 section 3.5: version, opcode, result, epoch. */
const PMP_MIN_ANSWER = 8
/** Between searches: a multicast datagram may be lost, too. */
const SEARCH_MS = 1_000
const MIN_SEARCH_MS = 500
const SPARE_MS = 300
/** Descriptions of routers are some tens of kilobytes. */
const MAX_BODY = 262_144

const request = workerData as MapperRequest
boundFetches(request)
answer(request).then(
  (result) => parentPort?.postMessage({ result }),
  (error: unknown) => parentPort?.postMessage({ error: why(error) }),
)
