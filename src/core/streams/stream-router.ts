import { MsgError } from '../errors.ts'
import type { Link, LinkListener } from '../transport/endpoint-api.ts'
import { encodeStreamName, isStreamName, StreamNameReader } from '../wire/stream-name.ts'
import { LinkStream, type LinkPeer, type StreamHandler } from './link-stream.ts'

/** Somebody who speaks a protocol over streams of links. */
export interface StreamProtocol {
  /** 1 to 48 letters, digits and `/ . - _`; by convention a name, `/` and a version. */
  readonly name: string
  /** For streams that peers open: the smaller, the sooner this side's bytes go. */
  readonly priority: number
  /** A peer opened a stream. @returns who hears of it; `undefined` refuses it */
  accept(stream: LinkStream): StreamHandler | undefined
  onLinkOpen?(link: Link, peer: LinkPeer): void
  onLinkClosed?(link: Link, peer: LinkPeer): void
}

/** What {@link StreamRouter} is built with. */
export interface StreamRouterDeps {
  /** Told when a handler threw: its stream has ended, everything else goes on. */
  readonly onFault: (protocol: string, peer: LinkPeer, error: unknown) => void
}

/**
 * Gives each stream of each link, the chat stream apart, to the one who speaks the protocol that its first bytes name. A peer's stream of a
 * protocol that nobody speaks here is refused.
 */
export class StreamRouter {
  readonly #deps: StreamRouterDeps
  readonly #protocols = new Map<string, StreamProtocol>()
  readonly #links = new Map<Link, LinkState>()

  constructor(deps: StreamRouterDeps) {
    this.#deps = deps
  }

  /** @returns ends it: its streams are aborted, and later ones refused. @throws MSG_ERR_USAGE for a bad name or one that is taken */
  register(protocol: StreamProtocol): () => void {
    const { name } = protocol
    if (!isStreamName(name))
      throw new MsgError('MSG_ERR_USAGE', { detail: `“${name}” is no name of a stream protocol` })
    if (this.#protocols.has(name)) throw new MsgError('MSG_ERR_USAGE', { detail: `${name} is spoken already` })
    this.#protocols.set(name, protocol)
    for (const [link, { peer }] of this.#links) this.#guard(name, peer, () => protocol.onLinkOpen?.(link, peer))
    return () => this.#unregister(name)
  }

  /** Opens a stream for a protocol. @throws MSG_ERR_LINK_CLOSED, MSG_ERR_LIMIT */
  open(link: Link, name: string, priority: number, handler: StreamHandler): LinkStream {
    const state = this.#links.get(link)
    if (state === undefined) throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'it is not open' })
    const id = link.openStream(priority)
    const stream = new LinkStream(link, state.peer, id, () => this.#forgetIfOver(state, id), encodeStreamName(name))
    state.streams.set(id, { stream, name, handler, hasEnded: false })
    stream.write(EMPTY)
    return stream
  }

  /** What an endpoint tells of links that carry named streams only. @param ends - what its owner does when one opens and closes */
  listener(ends: Pick<LinkListener, 'onOpen' | 'onMoved' | 'onClosed'>): LinkListener {
    return {
      ...ends,
      onData: (link, stream, bytes, fin) => this.handleData(link, stream, bytes, fin),
      onReset: (link, stream, code) => this.handleReset(link, stream, code),
      onStop: (link, stream, code) => this.handleStop(link, stream, code),
      onWritable: (link, stream) => this.handleWritable(link, stream),
    }
  }

  handleOpen(link: Link, peer: LinkPeer): void {
    this.#links.set(link, { peer, streams: new Map(), unnamed: new Map() })
    for (const [name, protocol] of this.#protocols) this.#guard(name, peer, () => protocol.onLinkOpen?.(link, peer))
  }

  handleClosed(link: Link): void {
    const state = this.#links.get(link)
    if (!this.#links.delete(link) || state === undefined) return
    const { peer } = state
    for (const { name, handler } of state.streams.values()) this.#guard(name, peer, () => handler.onEnd?.(undefined))
    for (const [name, protocol] of this.#protocols) this.#guard(name, peer, () => protocol.onLinkClosed?.(link, peer))
  }

  handleData(link: Link, id: number, bytes: Uint8Array, fin: boolean): void {
    const state = this.#links.get(link)
    if (state === undefined) return
    const routed = state.streams.get(id)
    if (routed) return this.#deliver(state, routed, bytes, fin)
    const stream = new LinkStream(link, state.peer, id, () => this.#forgetIfOver(state, id))
    const named = this.#readName(state, id, bytes, fin)
    if (named === undefined) return
    const protocol = named === null ? undefined : this.#protocols.get(named.name)
    const handler = protocol && this.#guard(protocol.name, state.peer, () => protocol.accept(stream))
    if (!named || !protocol || !handler) return stream.abort(StreamCode.refused)
    link.setPriority(id, protocol.priority)
    const accepted = { stream, name: protocol.name, handler, hasEnded: false }
    state.streams.set(id, accepted)
    if (named.rest.byteLength > 0 || fin) this.#deliver(state, accepted, named.rest, fin)
  }

  /** @returns the name and what follows it; `undefined` when more bytes are needed; `null` when there will be no proper one. */
  #readName(
    { unnamed }: LinkState,
    id: number,
    bytes: Uint8Array,
    fin: boolean,
  ): ReturnType<StreamNameReader['handleBytes']> | null {
    const reader = unnamed.get(id) ?? new StreamNameReader()
    unnamed.delete(id)
    try {
      const named = reader.handleBytes(bytes)
      if (named || fin) return named ?? null
      unnamed.set(id, reader)
      return undefined
    } catch {
      return null
    }
  }

  handleWritable(link: Link, id: number): void {
    const state = this.#links.get(link)
    const routed = state?.streams.get(id)
    if (!state || !routed) return
    routed.stream.write(EMPTY)
    this.#run(state, routed, () => routed.handler.onWritable?.())
  }

  handleStop(link: Link, id: number, code: number): void {
    const state = this.#links.get(link)
    const routed = state?.streams.get(id)
    if (state && routed) this.#run(state, routed, () => routed.handler.onStop?.(code))
  }

  handleReset(link: Link, id: number, code: number): void {
    const state = this.#links.get(link)
    const routed = state?.streams.get(id)
    state?.unnamed.delete(id)
    if (!state || !routed) return
    state.streams.delete(id)
    this.#guard(routed.name, state.peer, () => routed.handler.onEnd?.(code))
  }

  #deliver(state: LinkState, routed: Routed, bytes: Uint8Array, fin: boolean): void {
    if (fin) routed.hasEnded = true
    this.#run(state, routed, () => routed.handler.onData(bytes, fin, routed.stream))
    this.#forgetIfOver(state, routed.stream.id)
  }

  #forgetIfOver({ streams }: LinkState, id: number): void {
    const routed = streams.get(id)
    if (routed?.hasEnded && routed.stream.isFinished) streams.delete(id)
  }

  /** A handler that throws has lost its stream, and nothing else happens. */
  #run(state: LinkState, { stream, name, handler }: Routed, step: () => void): void {
    try {
      step()
    } catch (error) {
      state.streams.delete(stream.id)
      stream.abort(StreamCode.failed)
      this.#deps.onFault(name, state.peer, error)
      this.#guard(name, state.peer, () => handler.onEnd?.(StreamCode.failed))
    }
  }

  #guard<T>(name: string, peer: LinkPeer, step: () => T): T | undefined {
    try {
      return step()
    } catch (error) {
      this.#deps.onFault(name, peer, error)
      return undefined
    }
  }

  #unregister(name: string): void {
    this.#protocols.delete(name)
    for (const { peer, streams } of this.#links.values()) {
      for (const [id, routed] of streams) {
        if (routed.name !== name) continue
        streams.delete(id)
        routed.stream.abort(StreamCode.refused)
        this.#guard(name, peer, () => routed.handler.onEnd?.(undefined))
      }
    }
  }
}

/** Codes of resets and stops: nobody speaks the protocol, what was sent broke it, whoever had the stream gave it up, there are too many. */
export const StreamCode = { refused: 0x01, failed: 0x02, abandoned: 0x03, busy: 0x04 } as const

interface Routed {
  readonly stream: LinkStream
  readonly name: string
  readonly handler: StreamHandler
  /** The peer said that nothing more follows. */
  hasEnded: boolean
}

interface LinkState {
  readonly peer: LinkPeer
  readonly streams: Map<number, Routed>
  /** Streams whose name is not whole. */
  readonly unnamed: Map<number, StreamNameReader>
}

const EMPTY = new Uint8Array(0)
