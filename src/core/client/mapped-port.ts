import type { PortMappingOptions } from '../io/port-mapping.ts'
import type { SocketAddress } from '../transport/endpoint-api.ts'
import type { Emitter } from './emitter.ts'

/** Opens a port of the router until it is closed. */
export type MapPort = (options: Pick<PortMappingOptions, 'port' | 'onMapped' | 'onFailed'>) => {
  close(): Promise<void>
}

/** What a {@link MappedPort} is built with. */
export interface MappedPortDeps {
  readonly mapPort: MapPort
  readonly emitter: Emitter
  /** Of this machine's UDP socket. */
  readonly port: number
}

/** A port that the router opens for links, if the user wants that; nothing depends on it. */
export class MappedPort {
  readonly #deps: MappedPortDeps
  #mapping: { close(): Promise<void> } | undefined
  #mapped: SocketAddress | undefined

  constructor(deps: MappedPortDeps) {
    this.#deps = deps
  }

  /** What `udp.hosts` says of it. */
  get hosts(): { mapped?: SocketAddress } {
    return this.#mapped ? { mapped: this.#mapped } : {}
  }

  /** Asks the router, the first time it is called. @param onChanged - {@link hosts} says something else now. */
  start(onChanged: () => void): void {
    const { mapPort, emitter, port } = this.#deps
    this.#mapping ??= mapPort({
      port,
      onMapped: (mapped) => {
        this.#mapped = mapped
        onChanged()
      },
      onFailed: (why) => {
        const message = `your router opened no port (${why}); links are made without`
        emitter.emit({ type: 'warning', code: 'MSG_ERR_LINK_CLOSED', message })
      },
    })
  }

  async close(): Promise<void> {
    await this.#mapping?.close()
  }
}
