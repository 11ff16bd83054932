import { deviceKey } from '../../src/core/crypto/device-key.ts'
import type { CongestionControllerFactory } from '../../src/core/transport/congestion/controller.ts'
import type { ClosedEvent } from '../../src/core/transport/connection/events.ts'
import { EndpointMachine, type EndpointEvent } from '../../src/core/transport/endpoint.ts'
import type { LinkMachine } from '../../src/core/transport/link-machine.ts'
import { seconds } from '../../src/core/time/instant.ts'
import { Network, type Path } from './network.ts'
import { seededBytes, seededRandom } from './random.ts'

/** One end of a simulated link, with everything that came out of it. */
export interface End {
  readonly host: string
  readonly endpoint: EndpointMachine
  readonly instance: string
  readonly key: Uint8Array
  link: LinkMachine | undefined
  isOpen: boolean
  closed: ClosedEvent | undefined
  /** Bytes received by stream, and the streams that have ended. */
  readonly received: Map<number, Buffer[]>
  readonly finished: Set<number>
  /** Called when a stream that had refused bytes takes some again. */
  onWritable: (stream: number) => void
}

/** Two endpoints that know each other's keys on a simulated path; `a` dials. */
export class LinkedPair {
  readonly network: Network<EndpointEvent>
  readonly a: End
  readonly b: End

  constructor(path: Path, seed: number) {
    const random = seededBytes(seededRandom(seed * 7_919))
    this.network = new Network(path, seed, (host, event) => this.#onEvent(host === 'a' ? this.a : this.b, event))
    this.a = makeEnd('a', random)
    this.b = makeEnd('b', random)
    for (const end of [this.a, this.b]) this.network.add(end.host, end.endpoint)
    this.b.endpoint.expect({ instance: this.a.instance, key: this.a.key })
    this.dial()
  }

  dial(): void {
    this.a.link = this.a.endpoint.connect(this.network.now, { instance: this.b.instance, key: this.b.key }, [
      { host: 'b', port: 1 },
    ])
  }

  /** Runs until both ends are open. */
  open(limit = seconds(10)): this {
    this.network.run(() => this.a.isOpen && this.b.isOpen, limit)
    return this
  }

  /** Writes as the driver would: as much as is taken, now. @returns bytes taken. */
  write(end: End, stream: number, bytes: Uint8Array): number {
    const taken = end.link!.connection!.streams.write(stream, bytes)
    end.endpoint.touch(end.link!)
    return taken
  }

  finish(end: End, stream: number): void {
    end.link!.connection!.streams.finish(stream)
    end.endpoint.touch(end.link!)
  }

  #onEvent(end: End, event: EndpointEvent): void {
    record(end, event)
  }
}

/** Keeps what happened at `end`. */
export function record(end: End, event: EndpointEvent): void {
  if (event.type !== 'link') return
  end.link ??= event.link
  switch (event.event.type) {
    case 'open':
      end.link = event.link
      end.isOpen = true
      break
    case 'data': {
      const { stream, bytes, fin } = event.event
      const chunks = end.received.get(stream) ?? []
      chunks.push(Buffer.from(bytes))
      end.received.set(stream, chunks)
      if (fin) end.finished.add(stream)
      break
    }
    case 'writable':
      end.onWritable(event.event.stream)
      break
    case 'closed':
      if (event.link === end.link) end.closed = event.event
  }
}

/** All bytes that came on `stream`, in order. */
export const receivedOn = (end: End, stream: number): Buffer => Buffer.concat(end.received.get(stream) ?? [])

/**
 * An endpoint of its own, with keys from `random`.
 *
 * @param createController - @default the link's own choice
 */
export function makeEnd(
  host: string,
  random: (length: number) => Uint8Array,
  createController?: CongestionControllerFactory,
): End {
  const key = deviceKey(random(32)).noise
  const instance = Buffer.from(random(16)).toString('hex')
  const endpoint = new EndpointMachine({
    now: 0,
    local: { key, instance },
    random,
    ...(createController && { createController }),
  })
  return {
    host,
    endpoint,
    instance,
    key: key.publicKey,
    link: undefined,
    isOpen: false,
    closed: undefined,
    received: new Map(),
    finished: new Set(),
    onWritable: () => {},
  }
}
