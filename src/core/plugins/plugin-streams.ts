import { LinkDuplex } from '../streams/link-duplex.ts'
import type { LinkPeer } from '../streams/link-stream.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { Link } from '../transport/endpoint-api.ts'
import type { LoadedPlugin } from './loaded-plugin.ts'
import type { PluginStream } from './scope-api.ts'

/** Streams of plugins over the links of one router, each named after its plugin and the version that it speaks. */
export class PluginStreams<Peer> {
  readonly #peerOf: (loaded: LoadedPlugin, peer: LinkPeer) => Peer | undefined
  readonly #acceptors = new Map<LoadedPlugin, (stream: PluginStream<Peer>) => void | Promise<void>>()
  readonly #open = new Map<LoadedPlugin, Set<LinkDuplex<unknown>>>()
  #router: StreamRouter | undefined

  /** @param peerOf - who a plugin is told is at the other end; `undefined` refuses the stream. */
  constructor(peerOf: (loaded: LoadedPlugin, peer: LinkPeer) => Peer | undefined) {
    this.#peerOf = peerOf
  }

  /** Links come from here. */
  attach(router: StreamRouter): void {
    this.#router = router
    for (const loaded of this.#acceptors.keys()) this.#register(loaded)
  }

  /** @throws TypeError when the plugin accepts streams already */
  accept(loaded: LoadedPlugin, fn: (stream: PluginStream<Peer>) => void | Promise<void>): void {
    if (this.#acceptors.has(loaded)) throw new TypeError(`${loaded.id} accepts streams already`)
    this.#acceptors.set(loaded, fn)
    loaded.acceptsStreams = true
    this.#register(loaded)
  }

  /** @throws MSG_ERR_LINK_CLOSED, MSG_ERR_LIMIT */
  open<P>(loaded: LoadedPlugin, link: Link, peer: P): PluginStream<P> {
    const duplex = new LinkDuplex(peer, loaded.id)
    const stream = this.#router!.open(link, streamNameOf(loaded), PRIORITY, duplex.handler)
    return this.#track(loaded, duplex.attach(stream))
  }

  /** Ends the streams of a plugin that is stopped. */
  close(loaded: LoadedPlugin): void {
    this.#acceptors.delete(loaded)
    for (const duplex of this.#open.get(loaded) ?? []) duplex.destroy()
    this.#open.delete(loaded)
  }

  #register(loaded: LoadedPlugin): void {
    const router = this.#router
    if (!router) return
    const unregister = router.register({
      name: streamNameOf(loaded),
      priority: PRIORITY,
      accept: (stream) => {
        const fn = this.#acceptors.get(loaded)
        const peer = fn && loaded.isRunning ? this.#peerOf(loaded, stream.peer) : undefined
        if (!fn || peer === undefined || (this.#open.get(loaded)?.size ?? 0) >= MAX_STREAMS) return undefined
        const duplex = this.#track(loaded, new LinkDuplex(peer, loaded.id).attach(stream))
        void this.#serve(loaded, duplex, fn)
        return duplex.handler
      },
    })
    loaded.onStop(() => {
      unregister()
      this.close(loaded)
    })
  }

  async #serve(
    loaded: LoadedPlugin,
    duplex: LinkDuplex<Peer>,
    fn: (stream: PluginStream<Peer>) => void | Promise<void>,
  ): Promise<void> {
    try {
      await fn(duplex)
    } catch (error) {
      // The other side has gone: nobody's fault.
      if (error !== duplex.errored) loaded.fault(error, 'a stream')
      duplex.destroy()
    }
  }

  #track<D extends LinkDuplex<unknown>>(loaded: LoadedPlugin, duplex: D): D {
    const open = this.#open.get(loaded) ?? new Set()
    this.#open.set(loaded, open.add(duplex))
    duplex.once('close', () => open.delete(duplex))
    return duplex
  }
}

const streamNameOf = ({ plugin: { protocol } }: LoadedPlugin): string => `plugin/${protocol.id}/${protocol.version}`

/** After chat, before files. */
const PRIORITY = 1
/** Streams of one plugin that are open; one more is refused. */
const MAX_STREAMS = 256
