import { setTimeout as delay } from 'node:timers/promises'
import { StreamRouter } from '../../src/core/streams/stream-router.ts'
import type { FakeEndpoint, FakeNetwork } from '../../src/core/testing/fake-endpoint.ts'
import { TransferFrameDecoder } from '../../src/core/transfer/frame-decoder.ts'
import { encodeFrame } from '../../src/core/transfer/frame-writer.ts'
import { FILES_PROTOCOL, type TransferFrame } from '../../src/core/transfer/frames.ts'
import type { TransferEvent, TransferRecord, TransferStatus } from '../../src/core/transfers/api.ts'
import { Transfers } from '../../src/core/transfers/transfers.ts'
import type { Link, LinkListener } from '../../src/core/transport/endpoint-api.ts'

const KEY = new Uint8Array(32)

/** Transfers of one process over links in memory; everybody is in every room. `bob1` and `bob2` are devices of bob. */
export class TransferNode {
  readonly instance: string
  readonly events: TransferEvent[] = []
  readonly faults: unknown[] = []
  readonly router = new StreamRouter({ onFault: (_protocol, _peer, error) => this.faults.push(error) })
  readonly endpoint: FakeEndpoint
  readonly transfers: Transfers
  readonly journal = new Map<string, TransferRecord>()
  /** Does something with each event, as it comes. */
  onEvent: (event: TransferEvent) => void = () => {}

  constructor(network: FakeNetwork, instance: string) {
    this.instance = instance
    this.endpoint = network.endpoint(instance)
    this.transfers = new Transfers({
      router: this.router,
      emit: (event) => {
        this.events.push(event)
        this.onEvent(event)
      },
      journal: {
        put: (record) => void this.journal.set(record.id, record),
        remove: (id) => void this.journal.delete(id),
      },
      isMember: () => true,
    })
  }

  link(other: TransferNode): void {
    other.endpoint.expect({ instance: this.instance, key: KEY }, listenerOf(other.router))
    const { address } = other.endpoint
    this.endpoint.connect({ instance: other.instance, key: KEY }, [address], listenerOf(this.router))
  }

  /** The first event of a type; `undefined` when none comes for some seconds. */
  async heard(type: TransferEvent['type'], ms = 8_000): Promise<TransferEvent | undefined> {
    for (let waited = 0; waited < ms; waited += 10) {
      const found = this.events.find((event) => event.type === type)
      if (found) return found
      await delay(10)
    }
    return undefined
  }

  states(): Array<TransferStatus['state']> {
    return this.transfers.list().map(({ state }) => state)
  }
}

/** Somebody linked to a node who says what they like; what they hear is kept. */
export async function strangerTo(
  node: TransferNode,
  network: FakeNetwork,
): Promise<{ say: (...frames: TransferFrame[]) => void; heard: TransferFrame[] }> {
  const heard: TransferFrame[] = []
  const decoder = new TransferFrameDecoder()
  const handler = {
    onData(bytes: Uint8Array): void {
      decoder.handleBytes(Uint8Array.from(bytes))
      for (let frame = decoder.pollFrame(); frame; frame = decoder.pollFrame()) heard.push(frame)
    },
  }
  const router = new StreamRouter({ onFault: () => {} })
  router.register({ name: FILES_PROTOCOL, priority: 1, accept: () => handler })
  const opened = new Promise<Link>((resolve) =>
    router.register({ name: 'stranger/1', priority: 1, accept: () => undefined, onLinkOpen: resolve }),
  )
  node.endpoint.expect({ instance: 'mallory', key: KEY }, listenerOf(node.router))
  const target = { instance: node.instance, key: KEY }
  network.endpoint('mallory').connect(target, [node.endpoint.address], listenerOf(router))
  const stream = router.open(await opened, FILES_PROTOCOL, 1, handler)
  return { say: (...frames) => void stream.write(Buffer.concat(frames.map((frame) => encodeFrame(frame)))), heard }
}

function listenerOf(router: StreamRouter): LinkListener {
  return router.listener({
    onOpen: (link) =>
      router.handleOpen(link, { instance: link.peer.instance, user: link.peer.instance.replace(/\d$/, '') }),
    onClosed: (link) => router.handleClosed(link),
  })
}
