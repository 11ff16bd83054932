import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { SocketAddress, SocketBuffers } from '../transport/endpoint-api.ts'
import { DatagramGarbage } from './datagram-garbage.ts'
import { UdpOffload } from './udp-offload.ts'

/** What {@link UdpSocket.bind} takes. */
export interface UdpSocketOptions {
  /** IP literal. @default every address, of both families where there are two */
  readonly host?: string
  /** @default any free one */
  readonly port?: number
  /** Lets the system cut and join datagrams where it can. @default true */
  readonly offload?: boolean
}

/** One bound UDP socket that speaks IPv4 and, where the machine has it, IPv6. Sending never throws: UDP promises nothing. */
export class UdpSocket {
  readonly #socket: Socket
  readonly #isV6: boolean
  readonly #offload: UdpOffload | undefined
  /** Hosts behind an interface that does not cut datagrams. */
  readonly #uncut = new Set<string>()
  /** Sends that need another segment size than those in the system's hands. */
  readonly #backlog: Array<() => void> = []
  #isClosed = false
  #closing: Promise<void> | undefined

  private constructor(socket: Socket, isV6: boolean, offload: UdpOffload | undefined) {
    this.#socket = socket
    this.#isV6 = isV6
    this.#offload = offload
    for (const resize of ['setRecvBufferSize', 'setSendBufferSize'] as const) {
      try {
        socket[resize](BUFFER_SIZE)
      } catch {
        // The system's own size serves; a burst may lose more.
      }
    }
  }

  /** @throws the system's error (`EADDRINUSE`, …) */
  static async bind({ host, port = 0, offload = true }: UdpSocketOptions = {}): Promise<UdpSocket> {
    if (host !== undefined) return UdpSocket.#bind(port, host, offload)
    return UdpSocket.#bind(port, '::', offload).catch((error: unknown) => {
      if (['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes((error as NodeJS.ErrnoException).code ?? ''))
        return UdpSocket.#bind(port, '0.0.0.0', offload)
      throw error
    })
  }

  /** What the system gave to hold received datagrams, bytes as it counts them. */
  get receiveBuffer(): number {
    return this.#socket.getRecvBufferSize()
  }

  /** As they were asked for: Linux counts twice as much, for its own bookkeeping. */
  get buffers(): SocketBuffers {
    const share = process.platform === 'linux' ? 2 : 1
    const [receive, send] = [this.#socket.getRecvBufferSize() / share, this.#socket.getSendBufferSize() / share]
    return { receive, send, wanted: BUFFER_SIZE }
  }

  /** Bytes that the system has not taken yet. */
  get unsent(): number {
    return this.#isClosed ? 0 : this.#socket.getSendQueueSize()
  }

  get address(): SocketAddress {
    const { address, port } = this.#socket.address()
    return { host: unmapped(address), port }
  }

  /** True when the system cuts what goes to `host` into datagrams. */
  cuts(host: string): boolean {
    return this.#offload !== undefined && !this.#uncut.has(host)
  }

  /** Most bytes of one {@link UdpSocket.send}, and most datagrams; 0 where every datagram is a send of its own. */
  get maxRun(): { readonly bytes: number; readonly datagrams: number } {
    return this.#offload ? { bytes: MAX_PAYLOAD, datagrams: MAX_SEGMENTS } : { bytes: 0, datagrams: 0 }
  }

  /** `bytes` is valid during the call only, and may be several datagrams of one sender, end to end. */
  onDatagram(listener: (from: SocketAddress, bytes: Uint8Array) => void): void {
    this.#socket.on('message', (bytes, { address, port }) => {
      listener({ host: unmapped(address), port }, bytes)
      GARBAGE.add(bytes.byteLength)
    })
  }

  /**
   * Hands datagrams to the system, which may drop them.
   *
   * @param bytes - one datagram, or several of `segment` bytes, the last one perhaps shorter.
   * @param onSent - the bytes are not needed any more; until then they must not change.
   */
  send(to: SocketAddress, bytes: Uint8Array, onSent: () => void = () => {}, segment = bytes.byteLength): void {
    if (this.#isClosed) return onSent()
    const isRun = bytes.byteLength > segment
    if (isRun && (this.#offload === undefined || this.#uncut.has(to.host)))
      return this.#sendEach(to, bytes, segment, onSent)
    if (this.#offload === undefined) return this.#sendOne(to, bytes, onSent)
    const size = isRun ? segment : 0
    // A send that waits in the process would be cut by the size that is set when its turn comes.
    const isBusy = this.#backlog.length > 0 || (size !== this.#offload.segment && this.#socket.getSendQueueCount() > 0)
    if (isBusy) this.#backlog.push(() => this.#sendCut(to, bytes, size, onSent))
    else this.#sendCut(to, bytes, size, onSent)
  }

  /**
   * Sends one IPv4 datagram that passes at most `hops` routers, or does nothing where that cannot be said: it must not go further.
   */
  sendNear(to: SocketAddress, bytes: Uint8Array, hops: number): void {
    // What waits in the process would leave with the same limit, or this without it.
    if (this.#isClosed || this.#waiting > 0) return
    const send = (): void => this.#sendOne(to, bytes, () => {})
    if (this.#offload) {
      this.#offload.cut(0)
      this.#offload.limitHops(hops, send)
    } else if (!this.#isV6) {
      this.#socket.setTTL(hops)
      send()
      this.#socket.setTTL(USUAL_HOPS)
    }
  }

  /** Takes no more; what waits in the process leaves first, if the system takes it soon: the last of it may be a goodbye. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    const deadline = performance.now() + LINGER_MS
    while (this.#waiting > 0 && performance.now() < deadline) await setTimeout(LINGER_STEP_MS)
    this.#backlog.length = 0
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  /** @param size - bytes of each datagram; 0 when `bytes` is one. */
  #sendCut(to: SocketAddress, bytes: Uint8Array, size: number, onSent: () => void): void {
    if (!this.#offload!.cut(size) && size > 0) return this.#sendEach(to, bytes, size, onSent)
    this.#sendOne(to, bytes, (error) => {
      if (size > 0 && CUT_ERRORS.has((error as NodeJS.ErrnoException | null)?.code ?? '')) {
        if (this.#uncut.size >= MAX_UNCUT) this.#uncut.clear()
        this.#uncut.add(to.host)
        this.#sendEach(to, bytes, size, onSent)
      } else onSent()
      this.#sendBacklog()
    })
  }

  /** Sends that the system has not taken yet. */
  get #waiting(): number {
    return this.#backlog.length + this.#socket.getSendQueueCount()
  }

  #sendBacklog(): void {
    while (this.#backlog.length > 0 && this.#socket.getSendQueueCount() === 0) this.#backlog.shift()!()
  }

  #sendEach(to: SocketAddress, bytes: Uint8Array, segment: number, onSent: () => void): void {
    let left = Math.ceil(bytes.byteLength / segment)
    const onOne = (): void => {
      if (--left === 0) onSent()
    }
    for (let at = 0; at < bytes.byteLength; at += segment)
      this.send(to, bytes.subarray(at, Math.min(at + segment, bytes.byteLength)), onOne)
  }

  #sendOne({ host, port }: SocketAddress, bytes: Uint8Array, onSent: (error: Error | null) => void): void {
    try {
      this.#socket.send(bytes, port, this.#isV6 && isIPv4(host) ? `::ffff:${host}` : host, onSent)
    } catch {
      // No route, or the socket is closing: the same to the peer as a lost datagram.
      onSent(null)
    }
  }

  static async #bind(port: number, host: string, wantsOffload: boolean): Promise<UdpSocket> {
    const isV6 = !isIPv4(host)
    const offload = wantsOffload ? await UdpOffload.bind(port, host) : undefined
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      // Hosts are always literals: answering here saves a trip through the resolver for every datagram.
      lookup: (literal, _options, callback) => callback(null, literal, isV6 ? 6 : 4),
    })
    const listening = once(socket, 'listening')
    if (offload) socket.bind({ fd: offload.fd, exclusive: true })
    else socket.bind(port, host)
    try {
      await listening
    } catch (error) {
      socket.close()
      throw error
    }
    offload?.onOpened()
    // A send that failed later (unreachable, too large) is a lost datagram.
    socket.on('error', () => {})
    return new UdpSocket(socket, isV6, offload)
  }
}

/** IPv4 seen through a socket of both families. Called for every datagram: the system's spelling needs no parsing. */
const unmapped = (host: string): string => (host.startsWith('::ffff:') ? host.slice(7) : host)

/** One for all sockets: they share one heap. */
const GARBAGE = new DatagramGarbage()
/** Asked for in each direction, bytes; the system caps it. Holds a burst while the event loop is busy. */
const BUFFER_SIZE = 4 * 1_048_576
/** Bytes of UDP payload that IPv4 carries. */
const MAX_PAYLOAD = 65_507
/** RFC 1700's default for IPv4, and what systems use. */
const USUAL_HOPS = 64
/** Linux: UDP_MAX_SEGMENTS, the least of its versions. */
const MAX_SEGMENTS = 64
const MAX_UNCUT = 256
/** How long a socket that closes waits for the system to take what it was given, and how often it looks. */
const LINGER_MS = 1_000
const LINGER_STEP_MS = 5
/** What Linux says when it cannot cut on the way to a host: no checksums in hardware, datagrams above the path's MTU (older kernels, newer ones), no such option. */
const CUT_ERRORS = new Set(['EIO', 'EINVAL', 'EMSGSIZE', 'EOPNOTSUPP', 'ENOTSUP'])
