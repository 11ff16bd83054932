import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { networkInterfaces as systemInterfaces } from 'node:os'
import { promisify } from 'node:util'
import { normalizeHost } from '../wire/address.ts'

/** One address of one network interface that is not loopback. */
export interface NetworkInterface {
  readonly name: string
  readonly address: string
  readonly isV6: boolean
  /** Largest packet it takes, bytes with IP's headers; `undefined` where the system does not tell (all but Linux). */
  readonly mtu: number | undefined
  readonly isLoopback: boolean
}

/** This machine's addresses, link-local ones excepted. */
export function networkInterfaces(): NetworkInterface[] {
  return Object.entries(systemInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ address }) => !/^(fe[89ab][0-9a-f]:|169\.254\.)/i.test(address))
      .map(({ address, family, internal }) => ({
        name,
        address: normalizeHost(address),
        isV6: family === 'IPv6',
        mtu: mtuOf(name),
        isLoopback: internal,
      })),
  )
}

/** The interface by which datagrams to `host` leave. @param host - IP literal. @returns `undefined` when there is no way. */
export async function interfaceTowards(host: string): Promise<NetworkInterface | undefined> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    // No datagram is sent: the system only chooses the address that one would come from.
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(9, host, resolve)
    })
    const own = normalizeHost(socket.address().address)
    return networkInterfaces().find(({ address }) => address === own)
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}

/** What the system has learnt of the path's MTU to `host`, bytes. @returns `undefined` where it knows of none but the interface's, or does not tell. */
export async function pathMtuTowards(host: string): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    const { stdout } = await run('ip', ['-o', 'route', 'get', host], { timeout: PATIENCE_MS })
    const mtu = /\bmtu (\d+)/.exec(stdout)?.[1]
    return mtu === undefined ? undefined : Number(mtu)
  } catch {
    return undefined
  }
}

function mtuOf(name: string): number | undefined {
  if (process.platform !== 'linux' || !/^[\w.:@-]+$/.test(name)) return undefined
  try {
    return Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

const run = promisify(execFile)
const PATIENCE_MS = 1_000
