import { isPrivate } from '../../wire/address.ts'
import { bufferHint } from '../buffer-hint.ts'
import type { Measurements } from './measurements.ts'
import type { NetCheck } from './report.ts'

/** A check of what was measured; `undefined` where there is nothing to say. */
export type Check = (measurements: Measurements) => NetCheck | undefined

const udpSocket: Check = ({ machine: { v4, v6 } }) => {
  const base = { id: 'udp-socket', title: 'UDP socket', facts: { ipv4: v4 === null, ipv6: v6 === null } } as const
  if (v4 !== null && v6 !== null)
    return {
      ...base,
      status: 'fail',
      measured: `none can be opened (${v4})`,
      meaning: 'Links need one.',
      advice: 'Let this program use the network: a sandbox, a container or a security policy keeps it from that.',
    }
  const families = [...(v4 === null ? ['IPv4'] : []), ...(v6 === null ? ['IPv6'] : [])].join(' and ')
  return { ...base, status: 'ok', measured: `opens, for ${families}`, meaning: '', advice: null }
}

const buffers: Check = ({ platform, machine }) => {
  if (!machine.buffers) return undefined
  const { receive, send, wanted } = machine.buffers
  const hint = bufferHint(machine.buffers, platform)
  const kib = (bytes: number): string => `${Math.round(bytes / 1_024).toLocaleString('en')} KiB`
  const command = /`(.+)`/.exec(hint ?? '')?.[1]
  return {
    id: 'buffers',
    title: 'Socket buffers',
    status: hint === undefined ? 'ok' : 'warn',
    measured: `${kib(receive)} to receive, ${kib(send)} to send; wanted: ${kib(wanted)}`,
    meaning: hint === undefined ? '' : 'Fast transfers to this machine lose more and slow down; chat does not mind.',
    advice:
      hint === undefined
        ? null
        : command === undefined
          ? 'Raise the system’s cap for socket buffers.'
          : `Run: ${command}`,
    facts: { receive, send, wanted },
  }
}

const ipv6: Check = ({ machine: { interfaces }, server }) => {
  const global = interfaces.find(({ isV6, isLoopback, address }) => isV6 && !isLoopback && !isPrivate(address))
  const isUsed = server?.host?.includes(':') ?? false
  const facts = { address: global?.address ?? null, used: isUsed }
  const base = { id: 'ipv6', title: 'IPv6', status: 'ok', advice: null, facts } as const
  if (!global)
    return {
      ...base,
      measured: 'none',
      meaning: 'Links go over IPv4. With IPv6 on both sides no router changes addresses.',
    }
  if (isUsed) return { ...base, measured: `${global.address}, in use towards the server`, meaning: '' }
  if (server?.isAcross === undefined) return { ...base, measured: global.address, meaning: '' }
  const meaning = server.isAcross
    ? 'Links to people who have it, too, go over IPv6.'
    : 'The server has no IPv6 that all can use: only on one network do links go over it.'
  return { ...base, measured: global.address, meaning }
}

const vpn: Check = ({ machine: { interfaces }, server }) => {
  const names = [...new Set(interfaces.filter(({ name }) => isTunnel(name)).map(({ name }) => name))]
  if (names.length === 0) return undefined
  const through = server?.route?.interface?.name
  const isThrough = through !== undefined && isTunnel(through)
  return {
    id: 'vpn',
    title: 'VPN',
    status: isThrough ? 'warn' : 'ok',
    measured: isThrough ? `packets to the server go through ${through}` : `${names.join(', ')} is there`,
    meaning: isThrough
      ? 'Links go through the VPN too: its far end is what others see, and neighbours may not be found.'
      : through === undefined
        ? 'It may take what links send; a server must be named to tell.'
        : 'Packets to the server do not go through it.',
    advice: isThrough ? 'If links are slow or relayed, try again without the VPN.' : null,
    facts: { interfaces: names, through: isThrough ? through : null },
  }
}

const mtu: Check = ({ machine: { interfaces }, server }) => {
  const towards = server?.route?.interface
  const shown = towards ? [towards] : interfaces.filter(({ isLoopback }) => !isLoopback)
  const sizes = new Map(shown.flatMap(({ name, mtu }) => (mtu === undefined ? [] : [[name, mtu] as const])))
  const pathMtu = server?.route?.pathMtu
  const smallest = Math.min(...sizes.values(), pathMtu ?? Infinity)
  const facts = {
    interface: towards?.name ?? null,
    mtu: Number.isFinite(smallest) ? smallest : null,
    path: pathMtu ?? null,
  }
  const base = { id: 'mtu', title: 'Packet size (MTU)', facts } as const
  const known = `${[...sizes].map(([name, size]) => `${name} takes ${size} bytes`).join(', ')}`
  const path = pathMtu === undefined ? 'the path’s is not known' : `the path ${pathMtu}`
  if (!Number.isFinite(smallest))
    return {
      ...base,
      status: 'skipped',
      measured: 'not known on this system',
      meaning: 'Links find out by themselves which sizes get through.',
      advice: null,
    }
  const measured = server?.route && !towards?.isLoopback ? `${known}; ${path}` : known
  if (smallest >= USUAL_MTU) return { ...base, status: 'ok', measured, meaning: '', advice: null }
  if (smallest >= LEAST_MTU)
    return {
      ...base,
      status: 'ok',
      measured,
      meaning:
        'Smaller than the usual 1,500, as in tunnels: transfers cost a little more. Links find the size by themselves.',
      advice: null,
    }
  return {
    ...base,
    status: 'warn',
    measured,
    meaning: `A link’s first packets take ${LEAST_MTU} bytes and are cut in pieces here, which some networks drop.`,
    advice: `Raise the interface’s MTU to ${LEAST_MTU.toLocaleString('en')} or more.`,
  }
}

const portMapping: Check = ({ router, server }) => {
  const base = { id: 'port-mapping', title: 'Port mapping' } as const
  const facts = { by: router?.by ?? null, router: router?.router ?? null, external: router?.externalHost ?? null }
  if (router === null)
    return {
      ...base,
      status: 'skipped',
      measured: 'not known',
      meaning: 'There was no time to ask.',
      advice: null,
      facts,
    }
  if (!router)
    return {
      ...base,
      status: 'ok',
      measured: 'no router opens ports when asked (UPnP, NAT-PMP)',
      meaning: 'It is not needed unless links stay relayed.',
      advice: null,
      facts,
    }
  const measured = `the router ${router.router} opens ports when asked (${router.by === 'upnp' ? 'UPnP' : 'NAT-PMP'})`
  if (isPrivate(router.externalHost))
    return {
      ...base,
      status: 'ok',
      measured,
      meaning: `It is at ${router.externalHost} itself, behind another router, so that a port of it helps nobody.`,
      advice: null,
      facts,
    }
  const isUseful = server?.udp?.mapping === 'dependent' || server?.udp?.mapping === 'unknown'
  return {
    ...base,
    status: 'ok',
    measured,
    meaning: 'With an open port others reach this machine directly.',
    advice: isUseful ? 'Start the client with --map-port.' : null,
    facts,
  }
}

/** What needs no server. */
export const MACHINE_CHECKS: readonly Check[] = [udpSocket, buffers, ipv6, vpn, mtu, portMapping]

const isTunnel = (name: string): boolean =>
  /^(tun|tap|utun|wg|ppp|ipsec|tailscale|zt|nordlynx|proton|mullvad|vpn|cscotun|gpd)/i.test(name)

const USUAL_MTU = 1_500
/** A first datagram of 1,200 bytes with the headers of UDP and IPv6, as RFC 8200 section 5 lets everybody count on. */
const LEAST_MTU = 1_280
