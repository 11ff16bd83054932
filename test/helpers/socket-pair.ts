import { createHash, randomBytes, type Hash } from 'node:crypto'
import { deviceKey } from '../../src/core/crypto/device-key.ts'
import { UdpEndpoint } from '../../src/core/io/link-endpoint.ts'
import type { Link, LinkCloseReason, LinkListener, SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import { Deferred } from './deferred.ts'
import { Emulator } from './emulator.ts'
import { CLEAN, type Path } from './path.ts'

/** What came on one stream. */
interface Received {
  bytes: number
  readonly hash: Hash
  isEnded: boolean
}

/** One end of a link on a real socket, with everything that happened there. */
export class SocketEnd implements LinkListener {
  readonly endpoint: UdpEndpoint
  readonly instance: string
  readonly key: Uint8Array
  readonly opened: Link[] = []
  readonly closed: LinkCloseReason[] = []
  readonly streams = new Map<number, Received>()
  moves = 0
  /** Called after bytes arrived. */
  onBytes: (stream: number, bytes: Uint8Array) => void = () => {}
  readonly #writable = new Map<number, () => void>()
  #changed = new Deferred<void>()

  private constructor(endpoint: UdpEndpoint, instance: string, key: Uint8Array) {
    this.endpoint = endpoint
    this.instance = instance
    this.key = key
  }

  static async bind(maxDatagramSize: number): Promise<SocketEnd> {
    const key = deviceKey(randomBytes(32)).noise
    const instance = randomBytes(16).toString('hex')
    const endpoint = await UdpEndpoint.bind({ local: { key, instance }, host: '127.0.0.1', maxDatagramSize })
    return new SocketEnd(endpoint, instance, key.publicKey)
  }

  /** The link that was opened last. */
  get link(): Link {
    return this.opened.at(-1)!
  }

  /** Waits for `isDone`, which is asked after everything that happens here. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.closed.length > 0) throw new Error(`closed: ${JSON.stringify(this.closed)}`)
      await this.#changed.promise
    }
  }

  /** Writes all of `bytes` on a new stream, as fast as it is taken, and its end. @returns the stream. */
  send(bytes: Uint8Array, priority = 0): number {
    let written = 0
    const stream = this.pump(
      () => bytes.subarray(written),
      priority,
      (taken) => (written += taken) === bytes.byteLength,
    )
    return stream
  }

  /**
   * Writes what `next` gives on a new stream whenever there is room.
   *
   * @param isLast - told how many bytes were taken; true ends the stream. @returns the stream.
   */
  pump(next: () => Uint8Array, priority: number, isLast: (taken: number) => boolean): number {
    const { link } = this
    const stream = link.openStream(priority)
    const fill = (): void => {
      for (;;) {
        const bytes = next()
        const taken = link.write(stream, bytes)
        if (isLast(taken)) {
          this.#writable.delete(stream)
          return link.finish(stream)
        }
        if (taken < bytes.byteLength) return
      }
    }
    this.#writable.set(stream, fill)
    fill()
    return stream
  }

  bytesOn(stream: number): number {
    return this.streams.get(stream)?.bytes ?? 0
  }

  /** SHA-256 of everything that came on `stream`, once its end came too. */
  async hashOf(stream: number): Promise<string> {
    await this.until(() => this.streams.get(stream)?.isEnded === true)
    return this.streams.get(stream)!.hash.copy().digest('hex')
  }

  onOpen(link: Link): void {
    this.opened.push(link)
    this.#change()
  }

  onData(_link: Link, stream: number, bytes: Uint8Array, fin: boolean): void {
    let received = this.streams.get(stream)
    if (received === undefined)
      this.streams.set(stream, (received = { bytes: 0, hash: createHash('sha256'), isEnded: false }))
    received.bytes += bytes.byteLength
    received.hash.update(bytes)
    received.isEnded ||= fin
    this.onBytes(stream, bytes)
    this.#change()
  }

  onWritable(_link: Link, stream: number): void {
    this.#writable.get(stream)?.()
  }

  onMoved(): void {
    this.moves++
    this.#change()
  }

  onClosed(_link: Link, reason: LinkCloseReason): void {
    this.closed.push(reason)
    this.#change()
  }

  #change(): void {
    const changed = this.#changed
    this.#changed = new Deferred()
    changed.resolve()
  }
}

/** Pairs of endpoints on real sockets, and an emulated path between them that all pairs share; the first of each dials. */
export class SocketPairs {
  readonly pairs: ReadonlyArray<{ readonly a: SocketEnd; readonly b: SocketEnd }>
  readonly emulator: Emulator

  private constructor(pairs: SocketPairs['pairs'], emulator: Emulator) {
    this.pairs = pairs
    this.emulator = emulator
  }

  /** @param maxDatagramSize - bytes; loopback would carry far larger ones than any path that these tests are about. */
  static async start(
    changes: Partial<Path>,
    { count = 1, maxDatagramSize = 1_452, seed = 1 } = {},
  ): Promise<SocketPairs> {
    const pairs = await Promise.all(
      Array.from({ length: count }, async () => ({
        a: await SocketEnd.bind(maxDatagramSize),
        b: await SocketEnd.bind(maxDatagramSize),
      })),
    )
    const doors = pairs.map(({ b }) => ({ target: b.endpoint.address }))
    return new SocketPairs(pairs, await Emulator.start({ doors, path: { ...CLEAN, ...changes }, seed }))
  }

  /** Opens the links of all pairs. */
  async open(): Promise<this> {
    await Promise.all(this.pairs.map(({ a, b }, i) => connect(a, b, this.emulator.addresses[i]!)))
    return this
  }

  async stop(): Promise<void> {
    await Promise.all(this.pairs.flatMap(({ a, b }) => [a, b].map(({ endpoint }) => endpoint.close())))
    await this.emulator.stop()
  }
}

/** Makes a link from `a` to `b` by way of `address`, and waits until both have it. */
export async function connect(a: SocketEnd, b: SocketEnd, address: SocketAddress): Promise<void> {
  b.endpoint.expect(a, b)
  a.endpoint.connect(b, [address], a)
  await Promise.all([a, b].map((end) => end.until(() => end.opened.length > 0)))
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
