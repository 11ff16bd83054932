import { randomBytes } from 'node:crypto'
import type { Result } from '../control/methods.ts'
import { noiseKeyOf, type DeviceKey } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import { UdpEndpoint } from '../io/link-endpoint.ts'
import type { UdpSocket } from '../io/udp-socket.ts'
import { StreamRouter } from '../streams/stream-router.ts'
import type { Link, LinkEndpoint, LinkListener } from '../transport/endpoint-api.ts'

/** One signed-in connection that asks for a link. */
export interface LinkClient {
  readonly instance: string
  readonly user: string
  /** The device's Ed25519 public key in base64url. */
  readonly device: string
}

/** What {@link ServerLinks} are built with. */
export interface ServerLinksDeps {
  readonly key: DeviceKey
  /** A stream's handler threw. */
  readonly onFault: (protocol: string, error: MsgError) => void
  /** Neither a control connection nor a link of this instance is left. */
  readonly onGone: (instance: string) => void
}

/**
 * The server's end of links: answers the calls of signed-in connections that asked for one, on the socket of the rendezvous port, and calls
 * nobody itself. A link outlives its control connection; without either, whatever it was for is over.
 *
 * On these links every stream is named, the first one too: there is no chat with a server.
 */
export class ServerLinks {
  readonly streams: StreamRouter
  readonly #deps: ServerLinksDeps
  /** Of this process: clients find out by it that the server was started anew. */
  readonly instance = randomBytes(16).toString('hex')
  readonly #peers = new Map<string, Peer>()
  readonly #listener: LinkListener
  #endpoint: LinkEndpoint | undefined

  constructor(deps: ServerLinksDeps) {
    this.#deps = deps
    this.streams = new StreamRouter({
      onFault: (protocol, _peer, error) => deps.onFault(protocol, MsgError.of(error)),
    })
    this.#listener = this.streams.listener({
      onOpen: (link) => this.#handleOpen(link),
      onClosed: (link) => this.#handleClosed(link),
    })
  }

  /** Begins to answer, on a socket that is bound. */
  attach(socket: UdpSocket): void {
    const { noise } = this.#deps.key
    this.attachEndpoint(UdpEndpoint.over(socket, { local: { key: noise, instance: this.instance } }))
  }

  attachEndpoint(endpoint: LinkEndpoint): void {
    this.#endpoint = endpoint
  }

  /** Answers that connection's calls from now on. @throws MSG_ERR_PEER_IDENTITY for a key that is none */
  introduce(client: LinkClient): Result<'link.server'> {
    const endpoint = this.#endpoint
    const key = noiseKeyOf(Buffer.from(client.device, 'base64url'))
    if (!endpoint || !key) throw new MsgError('MSG_ERR_PEER_IDENTITY', { detail: client.user })
    const known = this.#peers.get(client.instance)
    if (known && (known.client.user !== client.user || known.client.device !== client.device)) this.#drop(known)
    const peer = this.#peers.get(client.instance)
    if (peer) peer.client = client
    else this.#peers.set(client.instance, { client, isHere: true })
    this.#peers.get(client.instance)!.isHere = true
    endpoint.expect({ instance: client.instance, key }, this.#listener)
    this.#boundLeftBehind(client.user)
    const device = Buffer.from(this.#deps.key.publicKey).toString('base64url')
    return { instance: this.instance, device, port: endpoint.address.port }
  }

  /** A control connection is over. @param hasLeft - on purpose: so is its link */
  handleSignedOut(client: LinkClient, hasLeft: boolean): void {
    const peer = this.#peers.get(client.instance)
    if (peer?.client !== client) return
    peer.isHere = false
    this.#endpoint?.forget(client.instance)
    if (hasLeft || peer.link?.state !== 'open') this.#drop(peer)
    else peer.link.probe()
  }

  /** The same client on another control connection: what it has is kept. */
  handleSignedIn(client: LinkClient): void {
    const peer = this.#peers.get(client.instance)
    if (peer?.client.user !== client.user || peer.client.device !== client.device) return
    peer.client = client
    peer.isHere = true
  }

  /** Tells the clients, frees the socket. */
  async close(): Promise<void> {
    for (const peer of this.#peers.values()) peer.isHere = false
    await this.#endpoint?.close()
  }

  #handleOpen(link: Link): void {
    const peer = this.#peers.get(link.peer.instance)
    if (!peer) return link.close(0, 'not expected')
    const older = peer.link
    peer.link = link
    if (older) this.streams.handleClosed(older)
    // Each connection is a party of its own: two of one user may download the same at the same time.
    this.streams.handleOpen(link, { instance: peer.client.instance, user: peer.client.instance })
  }

  #handleClosed(link: Link): void {
    const peer = this.#peers.get(link.peer.instance)
    if (peer?.link !== link) return
    delete peer.link
    this.streams.handleClosed(link)
    if (!peer.isHere) this.#drop(peer)
  }

  #drop(peer: Peer): void {
    const { client, link } = peer
    delete peer.link
    this.#peers.delete(client.instance)
    this.#endpoint?.forget(client.instance)
    if (link) {
      this.streams.handleClosed(link)
      if (link.state !== 'closed') link.close(0, 'left')
    }
    this.#deps.onGone(client.instance)
  }

  /** Links whose control connections are over cost their user nothing, and so they are few. */
  #boundLeftBehind(user: string): void {
    const left = [...this.#peers.values()].filter((peer) => !peer.isHere && peer.client.user === user)
    for (const peer of left.slice(0, -MAX_LEFT_BEHIND)) this.#drop(peer)
  }
}

interface Peer {
  client: LinkClient
  /** It has a control connection now. */
  isHere: boolean
  link?: Link
}

/** Links of one user that outlive their control connections; more than any user's connections that break at a time. */
const MAX_LEFT_BEHIND = 16
