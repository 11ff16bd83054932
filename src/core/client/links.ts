import { MsgError } from '../errors.ts'
import { fingerprintOf, noiseKeyOf } from '../crypto/device-key.ts'
import type { NotificationParams } from '../control/methods.ts'
import type {
  Candidate,
  Link,
  LinkCloseReason,
  LinkEndpoint,
  LinkListener,
  LinkStats,
  SocketAddress,
} from '../transport/endpoint-api.ts'
import type { MappingBehaviour } from '../transport/rendezvous-client.ts'
import { isSameAddress } from '../transport/socket-address.ts'
import type { StreamPeer } from '../plugins/client-scope.ts'
import { parseIp } from '../wire/address.ts'
import { isSameName } from '../wire/names.ts'
import type { LinkStatus, MaybePathStatus, PeerStatus, SocketStatus } from './api.ts'
import { backoffMs, RELINK } from './backoff.ts'
import { BulkWatch, bufferHint } from './buffer-hint.ts'
import type { Courier } from './courier.ts'
import type { Emitter } from './emitter.ts'
import { linkStatusOf, pathStatusOf, type LinkContext } from './link-status.ts'
import { guessingSide, worthTrying } from './routers.ts'
import type { Peer } from './peer.ts'
import type { ProfileState } from './profile/state.ts'
import { StreamRouter } from '../streams/stream-router.ts'

/** What {@link Links} are built with. */
export interface LinksDeps {
  readonly endpoint: LinkEndpoint
  readonly courier: Courier
  readonly emitter: Emitter
  readonly state: ProfileState
  readonly self: { readonly user: string; readonly instance: string }
  readonly random: () => number
  /** What stands before this machine. @default nothing is known */
  readonly mapping?: () => MappingBehaviour
  /** Guesses ports where one side's router gives every destination another one, and the other's does not. @default false */
  readonly guessPorts?: boolean
}

/**
 * Keeps a link to every connection that the server introduced: makes it, makes it again when it breaks, lets it go when the server
 * says so. Of two connections, the one whose instance sorts first calls and the other expects.
 */
export class Links {
  /** Every stream but the one for chat. */
  readonly streams: StreamRouter
  readonly #deps: LinksDeps
  readonly #peers = new Map<string, Entry>()
  readonly #listener: LinkListener
  readonly #bulk: BulkWatch
  /** Told when another link opens. */
  readonly #waiting = new Set<() => void>()
  #relay: SocketAddress | undefined
  readonly #guessing: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(deps: LinksDeps) {
    this.#deps = deps
    this.#bulk = new BulkWatch(() => this.#hint())
    if (deps.guessPorts) this.#guessing = setInterval(() => this.#guess(), GUESS_MS).unref()
    this.streams = new StreamRouter({
      onFault: (protocol, { user }, error) => {
        const { code, message } = MsgError.of(error)
        deps.emitter.emit({ type: 'warning', code, message: `${protocol} with ${user}: ${message}` })
      },
    })
    this.#listener = {
      onOpen: (link) => this.#handleOpen(link),
      onData: (link, stream, bytes, fin) => {
        this.#bulk.handleBytes(bytes.byteLength)
        if (stream === CHAT_STREAM) deps.courier.handleData(link, stream, bytes)
        else this.streams.handleData(link, stream, bytes, fin)
      },
      onReset: (link, stream, code) => this.streams.handleReset(link, stream, code),
      onStop: (link, stream, code) => this.streams.handleStop(link, stream, code),
      onWritable: (link, stream) =>
        stream === CHAT_STREAM ? deps.courier.handleWritable(link) : this.streams.handleWritable(link, stream),
      onMoved: (link) => this.#handleMoved(link),
      onClosed: (link, reason) => this.#handleClosed(link, reason),
    }
  }

  /** The server's relay, while signed in: where channels that are introduced are. */
  set relay(address: SocketAddress | undefined) {
    this.#relay = address
  }

  /** Another connection that shares a conversation with this one; again when its addresses change. */
  introduce(introduced: NotificationParams<'peer.introduced'>): void {
    const { instance, user, device: deviceKey, channel } = introduced
    const relay: Candidate[] = this.#relay && channel !== undefined ? [{ ...this.#relay, channel, kind: 'relay' }] : []
    const candidates = [...worthTrying(introduced.candidates, this.#mapping, introduced.mapping ?? 'unknown'), ...relay]
    const { endpoint, courier, self, emitter } = this.#deps
    const publicKey = Buffer.from(deviceKey, 'base64url')
    const key = noiseKeyOf(publicKey)
    if (this.#isClosed || instance === self.instance) return
    if (!key) {
      emitter.emit({
        type: 'warning',
        code: 'MSG_ERR_PEER_IDENTITY',
        message: `the server introduced ${user} with a key that is none`,
      })
      return
    }
    const known = this.#peers.get(instance)
    const isSame = known?.peer.deviceKey === deviceKey && known.peer.user === user
    if (known && !isSame) this.#drop(known, 'another device')
    const entry = isSame ? known! : this.#meet(instance, user, deviceKey, key)
    const isMoved = JSON.stringify(entry.candidates) !== JSON.stringify(candidates)
    entry.candidates = candidates
    entry.mapping = introduced.mapping ?? 'unknown'
    entry.presence = 'introduced'
    clearTimeout(entry.leaveTimer)
    courier.outbox.addLane(instance, user)
    if (isMoved) endpoint.guide(instance, candidates)
    if (entry.link?.state === 'open') return
    if (self.instance > instance) {
      endpoint.expect({ instance, key }, this.#listener, candidates)
      entry.lateTimer ??= setTimeout(() => this.#warnLate(entry, 'it did not call'), LATE_MS).unref()
    } else if (!entry.link || isMoved) this.#call(entry)
  }

  /** @param reason - `left`: the link is let go once what is on it is acknowledged; `vanished`: it may live on without the server. */
  gone(instance: string, reason: 'left' | 'vanished'): void {
    const entry = this.#peers.get(instance)
    if (!entry) return
    entry.presence = reason
    if (entry.link?.state !== 'open') this.#drop(entry, reason)
    else if (reason === 'vanished') entry.link.probe()
    else this.#leave(entry)
  }

  /** Whether the server has said that a connection is gone; its link may not know yet. */
  isVanished(instance: string): boolean {
    const presence = this.#peers.get(instance)?.presence
    return presence === 'vanished' || presence === 'left'
  }

  instances(): string[] {
    return [...this.#peers.keys()]
  }

  /** The server was away and has introduced who is there; whoever of `instances` it has not may be gone. */
  probe(instances: readonly string[]): void {
    for (const instance of instances) {
      const entry = this.#peers.get(instance)
      if (entry && entry.presence !== 'introduced') this.gone(instance, 'vanished')
    }
  }

  /** The server is away: nobody counts as introduced until it says so again; links and attempts go on. */
  handleDisconnected(): void {
    for (const entry of this.#peers.values()) if (entry.presence === 'introduced') entry.presence = 'unconfirmed'
  }

  statuses(): PeerStatus[] {
    return [...this.#peers.values()].map((entry) => {
      const { peer, link, stats } = entry
      return {
        user: peer.user,
        device: fingerprintOf(Buffer.from(peer.deviceKey, 'base64url')),
        verified: this.#isVerified(peer),
        state: link?.state ?? 'closed',
        ...this.#pathOf(entry, link?.state === 'open' ? link.stats() : stats),
        queued: this.#deps.courier.outbox.queued({ user: peer.user }),
      }
    })
  }

  /** What every open link measures of itself. */
  measurements(): LinkStatus[] {
    return [...this.#peers.values()].flatMap((entry) =>
      entry.link?.state === 'open' ? [linkStatusOf(entry.link, entry.peer.deviceKey, this.#contextOf(entry))] : [],
    )
  }

  /** The socket that carries the links; null for one that is none. */
  get socket(): SocketStatus | null {
    const { buffers } = this.#deps.endpoint
    if (!buffers) return null
    const { receive, send, wanted } = buffers
    return { receiveBuffer: receive, sendBuffer: send, wanted, hint: bufferHint(buffers, process.platform) ?? null }
  }

  /** An open link to a connection of `user`: the one that opened last. @throws MSG_ERR_LINK_CLOSED when `until` is aborted first */
  async opened(user: string, until: AbortSignal): Promise<{ link: Link; peer: StreamPeer }> {
    for (;;) {
      const open = [...this.#peers.values()]
        .filter(({ peer, link }) => isSameName(peer.user, user) && link?.state === 'open')
        .sort((a, b) => b.openedAt - a.openedAt)[0]
      const peer = open && this.streamPeer(open.peer.instance)
      if (open?.link && peer) return { link: open.link, peer }
      if (until.aborted || this.#isClosed)
        throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: `there is none to ${user}` })
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
        until.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  /** What plugins are told of a connection; `undefined` for one that is none. */
  streamPeer(instance: string): StreamPeer | undefined {
    const known = this.#peers.get(instance)?.peer
    if (!known) return undefined
    const { user, deviceKey, isOwn } = known
    return {
      user,
      device: fingerprintOf(Buffer.from(deviceKey, 'base64url')),
      deviceKey,
      verified: this.#isVerified(known),
      isOwn,
    }
  }

  get #mapping(): MappingBehaviour {
    return this.#deps.mapping?.() ?? 'unknown'
  }

  /** Where both sides try it at about the same time: once ordinary attempts would have shown a path that there is. */
  #guess(): void {
    for (const { peer, link, candidates, mapping, openedAt } of this.#peers.values()) {
      if (performance.now() - openedAt < GUESS_AFTER_MS) continue
      const side = guessingSide(this.#mapping, mapping)
      if (!side || link?.state !== 'open' || link.stats().path !== 'relayed') continue
      const at = candidates.find(({ kind, host }) => kind === 'observed' && parseIp(host)?.byteLength === 4)
      if (at) this.#deps.endpoint.guess(peer.instance, side, at)
    }
  }

  #contextOf({ peer: { user }, mapping, since }: Entry): LinkContext {
    return { user, here: this.#mapping, there: mapping, since }
  }

  #pathOf(entry: Entry, stats: LinkStats | undefined): MaybePathStatus {
    return stats ? pathStatusOf(stats, this.#contextOf(entry)) : NO_PATH
  }

  #isVerified({ user, deviceKey }: Peer): boolean {
    return this.#deps.state.devices.of(user).some(({ key, isVerified }) => key === deviceKey && isVerified)
  }

  /** Connections that are linked or to be linked. */
  peers(): Peer[] {
    return [...this.#peers.values()].map(({ peer }) => peer)
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#guessing)
    this.#wake()
    for (const entry of this.#peers.values()) {
      clearTimeout(entry.retryTimer)
      clearTimeout(entry.leaveTimer)
      clearTimeout(entry.lateTimer)
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** A link runs at bulk speed: whoever only chats is never told. */
  #hint(): void {
    const hint = this.socket?.hint
    if (hint) this.#deps.emitter.emit({ type: 'warning', code: 'MSG_ERR_LIMIT', message: hint })
  }

  #meet(instance: string, user: string, deviceKey: string, key: Uint8Array): Entry {
    const { state, self, emitter } = this.#deps
    const { device, isNew, isChanged } = state.devices.meet(user, deviceKey, Date.now())
    if (isNew)
      emitter.emit({
        type: 'peer.device',
        with: user,
        device: fingerprintOf(Buffer.from(deviceKey, 'base64url')),
        changed: isChanged,
      })
    const peer = { instance, user, deviceKey, device, isOwn: user === self.user }
    const entry: Entry = {
      peer,
      key,
      candidates: [],
      mapping: 'unknown',
      presence: 'introduced',
      failures: 0,
      openedAt: 0,
      since: 0,
      isWarned: false,
    }
    this.#peers.set(instance, entry)
    return entry
  }

  #call(entry: Entry): void {
    clearTimeout(entry.retryTimer)
    const { instance } = entry.peer
    const previous = entry.link
    entry.link = this.#deps.endpoint.connect({ instance, key: entry.key }, entry.candidates, this.#listener)
    if (previous && previous !== entry.link && previous.state !== 'closed') previous.close(0, 'called anew')
  }

  #handleOpen(link: Link): void {
    const entry = this.#peers.get(link.peer.instance)
    if (!entry || this.#isClosed) {
      link.close(0, 'not expected')
      return
    }
    clearTimeout(entry.retryTimer)
    clearTimeout(entry.lateTimer)
    entry.lateTimer = undefined
    const older = entry.link
    entry.link = link
    entry.openedAt = performance.now()
    entry.isWarned = false
    // It is gone, though nobody has said so yet.
    if (older && older !== link) this.streams.handleClosed(older)
    this.#deps.courier.handleOpen(link, entry.peer)
    this.streams.handleOpen(link, entry.peer)
    this.#tell(entry, 'open', '')
    this.#wake()
  }

  /** Told once for each way that a link takes, however often it was tried before. */
  #handleMoved(link: Link): void {
    const entry = this.#peers.get(link.peer.instance)
    const before = entry?.stats
    if (entry?.link !== link || !before || this.#isClosed) return
    const { path, remote } = link.stats()
    if (path === before.path && isSameAddress(remote, before.remote)) return
    this.#tell(entry, 'moved', '')
  }

  #handleClosed(link: Link, { kind, reason }: LinkCloseReason): void {
    const entry = this.#peers.get(link.peer.instance)
    if (entry?.link !== link || this.#isClosed) return
    const wasOpen = entry.stats !== undefined
    delete entry.link
    this.streams.handleClosed(link)
    this.#deps.courier.handleClosed(entry.peer.instance)
    const why = reason || kind
    if (wasOpen) this.#tell(entry, 'closed', why)
    if (entry.presence === 'vanished' || entry.presence === 'left') {
      this.#drop(entry, why)
      return
    }
    if (this.#deps.self.instance > entry.peer.instance) return
    // A link that was good for a while starts over; one that is closed again and again is called ever more seldom.
    if (wasOpen && performance.now() - entry.openedAt >= GOOD_MS) entry.failures = 0
    if (kind !== 'idle') entry.failures++
    if (kind === 'unanswered' && entry.failures >= WARN_AFTER) this.#warnLate(entry, 'no answer')
    const delay = kind === 'idle' ? 0 : backoffMs(entry.failures, this.#deps.random(), RELINK)
    entry.retryTimer = setTimeout(() => this.#call(entry), delay).unref()
  }

  /** Gives what is on the link a moment to be acknowledged. */
  #leave(entry: Entry): void {
    const { courier } = this.#deps
    void courier
      .until(() => entry.presence !== 'left' || courier.outbox.inFlight(entry.peer.instance) === 0, DRAIN_MS)
      .then(() => {
        // The other side's acknowledgements of what this side sent last, and this side's, go out before the link closes.
        entry.leaveTimer = setTimeout(() => {
          if (entry.presence === 'left' && this.#peers.get(entry.peer.instance) === entry) this.#drop(entry, 'left')
        }, LINGER_MS).unref()
      })
  }

  #drop(entry: Entry, reason: string): void {
    const { instance } = entry.peer
    const { link } = entry
    for (const timer of [entry.retryTimer, entry.leaveTimer, entry.lateTimer]) clearTimeout(timer)
    delete entry.link
    this.#peers.delete(instance)
    this.#deps.endpoint.forget(instance)
    if (link) this.streams.handleClosed(link)
    this.#deps.courier.handleClosed(instance)
    this.#deps.courier.outbox.removeLane(instance)
    this.#deps.courier.schedule()
    if (link && link.state !== 'closed') link.close(0, reason)
    if (entry.stats) this.#tell(entry, 'closed', reason)
  }

  #tell(entry: Entry, state: 'open' | 'moved' | 'closed', reason: string): void {
    const previous = state === 'moved' ? (entry.stats?.path ?? null) : null
    if (state !== 'closed') {
      const stats = entry.link!.stats()
      if (state === 'open' || stats.path !== entry.stats?.path) entry.since = Date.now()
      entry.stats = stats
    }
    const path = this.#pathOf(entry, entry.stats)
    this.#deps.emitter.emit({ type: 'path', with: entry.peer.user, state, previous, ...path, reason })
    if (state === 'closed') delete entry.stats
  }

  #warnLate(entry: Entry, why: string): void {
    if (entry.isWarned || entry.link?.state === 'open') return
    entry.isWarned = true
    this.#deps.emitter.emit({
      type: 'warning',
      code: 'MSG_ERR_LINK_CLOSED',
      message: `no link to ${entry.peer.user} yet (${why}): UDP may be blocked between you; messages wait in the outbox and go out when a link is up`,
    })
  }
}

interface Entry {
  readonly peer: Peer
  readonly key: Uint8Array
  candidates: readonly Candidate[]
  /** What stands before the other one, as it says. */
  mapping: MappingBehaviour
  presence: 'introduced' | 'unconfirmed' | 'vanished' | 'left'
  link?: Link
  /** Of the open link, as last told; absent when none is open. */
  stats?: LinkStats
  failures: number
  /** When the link was last opened, milliseconds of the process's clock. */
  openedAt: number
  /** When it took the kind of path that was told last, milliseconds of the wall clock. */
  since: number
  isWarned: boolean
  retryTimer?: NodeJS.Timeout | undefined
  leaveTimer?: NodeJS.Timeout | undefined
  lateTimer?: NodeJS.Timeout | undefined
}

/** How often it is looked who may be guessed at, milliseconds; the endpoint bounds how often it is done. */
const GUESS_MS = 1_000
/** How long a link must have been open before, milliseconds. */
const GUESS_AFTER_MS = 1_500
/** Of a peer without an open link. */
const NO_PATH: MaybePathStatus = Object.freeze({
  path: null,
  why: null,
  explanation: null,
  since: null,
  address: null,
  rttMs: null,
  loss: 0,
  bytesRelayed: 0,
})
/** Unanswered calls, of ten seconds each, before the user is told. */
const WARN_AFTER = 1
/** How long a link lives that was no failure, milliseconds. */
const GOOD_MS = 10_000
/** When the side that is called is told that nobody did, milliseconds. */
const LATE_MS = 15_000
/** How long a link that is let go waits for acknowledgements, milliseconds. */
const DRAIN_MS = 2_000
/** Two delayed acknowledgements and a retransmission on a slow path, milliseconds. */
const LINGER_MS = 300

/** The first stream of a link's initiator. */
const CHAT_STREAM = 0
