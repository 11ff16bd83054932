import { isIPv4 } from 'node:net'
import { endianness } from 'node:os'
import { parseIp } from '../wire/address.ts'

/**
 * What Linux can do for a UDP socket and node:dgram does not offer: cut one large send into datagrams of one size (UDP_SEGMENT), and join
 * datagrams that arrive together (UDP_GRO). A datagram then costs a fraction of a system call.
 *
 * Source: udp(7); include/uapi/linux/udp.h, since Linux 4.18 and 5.0.
 */
export class UdpOffload {
  /** A bound socket; whoever opens it with node:dgram owns it. */
  readonly fd: number
  readonly #system: System
  #segment = 0

  private constructor(fd: number, system: System) {
    this.fd = fd
    this.#system = system
  }

  /**
   * Binds a socket.
   *
   * @param host - IP literal.
   * @param port - 0 for any free one.
   * @returns `undefined` where the system or the package that calls it is missing, or when the address cannot be had: node:dgram says why.
   */
  static async bind(port: number, host: string): Promise<UdpOffload | undefined> {
    const system = await (loading ??= load())
    const address = socketAddress(port, host)
    if (system === undefined || address === undefined) return undefined
    const isV6 = !isIPv4(host)
    const fd = system.socket(isV6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (fd < 0) return undefined
    const offload = new UdpOffload(fd, system)
    if (isV6) offload.#set(IPPROTO_IPV6, IPV6_V6ONLY, 0)
    if (offload.#set(SOL_UDP, UDP_GRO, 1) && system.bind(fd, address, address.byteLength) === 0) return offload
    system.close(fd)
    return undefined
  }

  /** Call once node:dgram has the socket: that lets others bind the same address, which nobody asked for. */
  onOpened(): void {
    this.#set(SOL_SOCKET, SO_REUSEADDR, 0)
  }

  /** Bytes that sends are cut into now; 0 for not at all. */
  get segment(): number {
    return this.#segment
  }

  /** Cuts sends into datagrams of `size` bytes from now on; 0 for not at all. @returns false when the system refuses. */
  cut(size: number): boolean {
    if (size === this.#segment) return true
    if (!this.#set(SOL_UDP, UDP_SEGMENT, size)) return false
    this.#segment = size
    return true
  }

  /** Lets IPv4 datagrams that are sent meanwhile pass `hops` routers, be the socket of one family or of both. @returns false when the system refuses. */
  limitHops(hops: number, send: () => void): boolean {
    if (!this.#set(IPPROTO_IP, IP_TTL, hops)) return false
    send()
    return this.#set(IPPROTO_IP, IP_TTL, SYSTEMS_OWN)
  }

  #set(level: number, name: number, value: number): boolean {
    return this.#system.setsockopt(this.fd, level, name, Int32Array.of(value), 4) === 0
  }
}

/** The system calls. */
interface System {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  setsockopt(fd: number, level: number, name: number, value: Int32Array, length: number): number
  close(fd: number): number
}

let loading: Promise<System | undefined> | undefined

async function load(): Promise<System | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    const { default: koffi } = await import('koffi')
    // The C library is in the process already, under whatever name it has.
    const library = koffi.load(null)
    return {
      socket: library.func('int socket(int domain, int type, int protocol)') as System['socket'],
      bind: library.func('int bind(int fd, const void *address, uint32_t length)') as System['bind'],
      setsockopt: library.func(
        'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
      ) as System['setsockopt'],
      close: library.func('int close(int fd)') as System['close'],
    }
  } catch {
    // An optional package, and not one for every machine.
    return undefined
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress(port: number, host: string): Uint8Array | undefined {
  const ip = parseIp(host)
  const isV6 = !isIPv4(host)
  // A zone, or IPv4 in IPv6's clothes: node:dgram knows what to do.
  if (ip === undefined || host.includes('%') || ip.byteLength !== (isV6 ? 16 : 4)) return undefined
  const bytes = new Uint8Array(isV6 ? 28 : 16)
  new DataView(bytes.buffer).setUint16(0, isV6 ? AF_INET6 : AF_INET, endianness() === 'LE')
  new DataView(bytes.buffer).setUint16(2, port)
  bytes.set(ip, isV6 ? 8 : 4)
  return bytes
}

// Of Linux, the same on every architecture that Node runs on, MIPS apart.
const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const IPPROTO_IP = 0
const IP_TTL = 2
const SYSTEMS_OWN = -1
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const SOL_UDP = 17
const UDP_SEGMENT = 103
const UDP_GRO = 104
