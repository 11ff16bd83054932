import { createHash } from 'node:crypto'
import { deviceKey, type DeviceKey } from '../crypto/device-key.ts'
import { StreamRouter } from '../streams/stream-router.ts'
import type { Link } from '../transport/endpoint-api.ts'
import type { SimulatedEndpoint, SimulatedNetwork } from './simulated-network.ts'

/** One end of links in a test world: a key, an endpoint, and the router of its streams. */
export class TestNode {
  readonly instance: string
  readonly user: string
  readonly key: DeviceKey
  readonly router = new StreamRouter({ onFault: () => {} })
  readonly #endpoint: SimulatedEndpoint
  readonly #links = new Map<string, Link>()
  /** Links to them are open or being made. */
  readonly #called = new Set<string>()
  readonly #waiting = new Set<() => void>()

  constructor(network: SimulatedNetwork, instance: string, user: string) {
    this.instance = instance
    this.user = user
    this.key = deviceKey(createHash('sha256').update(`${user} ${instance}`).digest())
    this.#endpoint = network.endpoint({ key: this.key.noise, instance })
  }

  /** The open link to another node, made when there is none. */
  async link(other: TestNode): Promise<Link> {
    if (!this.#links.has(other.instance) && !this.#called.has(other.instance)) {
      this.#called.add(other.instance)
      other.#endpoint.expect({ instance: this.instance, key: this.key.noise.publicKey }, other.#listener(this))
      this.#endpoint.connect(
        { instance: other.instance, key: other.key.noise.publicKey },
        [other.#endpoint.address],
        this.#listener(other),
      )
    }
    for (;;) {
      const link = this.#links.get(other.instance)
      if (link && other.#links.has(this.instance)) return link
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
        other.#waiting.add(resolve)
      })
    }
  }

  async close(): Promise<void> {
    await this.#endpoint.close()
  }

  #listener(other: TestNode): ReturnType<StreamRouter['listener']> {
    return this.router.listener({
      onOpen: (link) => {
        this.#links.set(other.instance, link)
        this.router.handleOpen(link, { instance: other.instance, user: other.user })
        for (const wake of this.#waiting) wake()
        this.#waiting.clear()
      },
      onClosed: (link) => {
        this.router.handleClosed(link)
        if (this.#links.get(other.instance) === link) this.#links.delete(other.instance)
        this.#called.delete(other.instance)
      },
    })
  }
}
