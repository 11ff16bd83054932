import { MsgError } from '../errors.ts'
import { LinkDuplex } from '../streams/link-duplex.ts'
import type { LinkPeer } from '../streams/link-stream.ts'
import { StreamCode, type StreamRouter } from '../streams/stream-router.ts'
import type { Link } from '../transport/endpoint-api.ts'
import type { LoadedPlugin } from './loaded-plugin.ts'
import type { PluginStream } from './scope-api.ts'

/** Streams of plugins over the links of one router, each named after its plugin and the version that it speaks. */
export class PluginStreams<Peer> {
  readonly #peerOf: (loaded: LoadedPlugin, peer: LinkPeer) => Peer | undefined
  readonly #acceptors = new Map<LoadedPlugin, (stream: PluginStream<Peer>) => void | Promise<void>>()
  /** With the instance at the other end. */
  readonly #open = new Map<LoadedPlugin, Map<LinkDuplex<unknown>, string>>()
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
    return this.#track(loaded, duplex.attach(stream), stream.peer.instance)
  }

  /** Ends the streams of a plugin that is stopped. */
  close(loaded: LoadedPlugin): void {
    this.#acceptors.delete(loaded)
    const stopped = new MsgError('MSG_ERR_CANCELLED', { detail: `${loaded.id} is stopped` })
    for (const duplex of this.#open.get(loaded)?.keys() ?? []) duplex.destroy(stopped)
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
        if (!fn || peer === undefined) return undefined
        if (!this.#hasRoom(loaded, stream.peer.instance)) {
          stream.abort(StreamCode.busy)
          return undefined
        }
        const duplex = this.#track(loaded, new LinkDuplex(peer, loaded.id).attach(stream), stream.peer.instance)
        void this.#serve(loaded, duplex, fn)
        return duplex.handler
      },
    })
    loaded.onStop(() => {
      unregister()
      this.close(loaded)
    })
  }

  /** Nobody takes the streams of all others. */
  #hasRoom(loaded: LoadedPlugin, instance: string): boolean {
    const instances = [...(this.#open.get(loaded)?.values() ?? [])]
    return instances.length < MAX_STREAMS && instances.filter((one) => one === instance).length < MAX_OF_ONE
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

  #track<D extends LinkDuplex<unknown>>(loaded: LoadedPlugin, duplex: D, instance: string): D {
    const known = this.#open.get(loaded)
    const open = known ?? new Map<LinkDuplex<unknown>, string>()
    this.#open.set(loaded, open.set(duplex, instance))
    if (!known) loaded.onStop(() => this.close(loaded))
    duplex.once('close', () => open.delete(duplex))
    return duplex
  }
}

const streamNameOf = ({ plugin: { protocol } }: LoadedPlugin): string => `plugin/${protocol.id}/${protocol.version}`

/** After chat, before files. */
const PRIORITY = 1
/** Streams of one plugin that are open; one more is refused. */
const MAX_STREAMS = 256
/** Those of them that one connection may have opened or been opened. */
const MAX_OF_ONE = 64
