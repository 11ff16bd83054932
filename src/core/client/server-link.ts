import { setTimeout } from 'node:timers/promises'
import type { Result } from '../control/methods.ts'
import { noiseKeyOf } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { Link, LinkCloseReason, LinkEndpoint, LinkListener, PathKind } from '../transport/endpoint-api.ts'
import type { MappingBehaviour } from '../transport/rendezvous-client.ts'
import type { LinkStatus } from './api.ts'
import { backoffMs, RELINK } from './backoff.ts'
import type { Emitter } from './emitter.ts'
import { linkStatusOf, pathStatusOf, type LinkContext } from './link-status.ts'

/** What {@link ServerLink} is built with. */
export interface ServerLinkDeps {
  readonly endpoint: LinkEndpoint
  readonly streams: StreamRouter
  readonly emitter: Emitter
  readonly random: () => number
  /** Asks the server for an introduction. */
  readonly introduce: () => Promise<Result<'link.server'>>
  /** The IP address of the server, while there is a connection. */
  readonly host: () => string | undefined
  /** What stands before this machine. @default nothing is known */
  readonly mapping?: () => MappingBehaviour
}

/**
 * The one link with the server: made when somebody holds it, made again when it breaks or the server is another process, closed when nobody
 * holds it any more. The client calls, always. It outlives the control connection.
 */
export class ServerLink {
  readonly #deps: ServerLinkDeps
  readonly #listener: LinkListener
  #holders = 0
  #link: Link | undefined
  #isOpen = false
  /** As last told, and since when: milliseconds of the wall clock. */
  #path: PathKind | undefined
  #since = 0
  #there: Result<'link.server'> | undefined
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<void> | undefined
  #isClosed = false
  /** Told when it opens. */
  readonly #waiting = new Set<() => void>()

  constructor(deps: ServerLinkDeps) {
    this.#deps = deps
    this.#listener = deps.streams.listener({
      onOpen: (link) => this.#handleOpen(link),
      onMoved: (link) => this.#handleMoved(link),
      onClosed: (link, reason) => this.#handleClosed(link, reason),
    })
  }

  /**
   * Resolves when the server answers this client's calls; the link itself opens soon after.
   *
   * @returns lets go of it. @throws what the server answers: MSG_ERR_PLUGIN_MISSING where nothing needs links
   */
  async hold(): Promise<() => void> {
    this.#holders++
    let isHeld = true
    const release = (): void => {
      if (!isHeld) return
      isHeld = false
      if (--this.#holders === 0) this.#drop('not needed any more')
    }
    try {
      if (!this.#link) await this.#call()
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  /** The open link, of one who holds it. @throws MSG_ERR_LINK_CLOSED when `until` is aborted first */
  async opened(until: AbortSignal): Promise<Link> {
    while (!this.#isOpen || !this.#link) {
      if (until.aborted) throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'there is none to the server' })
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
        until.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return this.#link
  }

  /** Resolves when what was written has arrived, or after `timeoutMs`: the last of it may be that all is well. */
  async drained(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    do await setTimeout(DRAIN_STEP_MS)
    while (this.#isOpen && this.#link!.stats().bytesInFlight > 0 && performance.now() < deadline)
  }

  /** Signed in again: the server may be another process, and must be told in any case whom to answer. */
  async handleBack(): Promise<void> {
    if (this.#holders > 0) await this.#call()
  }

  /** Of the open link; none otherwise. */
  measurements(): LinkStatus[] {
    if (!this.#link || !this.#isOpen || !this.#there) return []
    return [linkStatusOf(this.#link, this.#there.device, this.#context)]
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  /** Whoever wants it while it is asked for hears the same. */
  async #call(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined))
    await this.#asking
  }

  async #ask(): Promise<void> {
    const there = await this.#deps.introduce()
    const isSame = there.instance === this.#there?.instance && there.device === this.#there.device
    if (this.#holders === 0 || this.#isClosed || (isSame && this.#link)) return
    this.#drop('another server process')
    this.#there = there
    this.#dial(there)
  }

  #dial({ instance, device, port }: Result<'link.server'>): void {
    const key = noiseKeyOf(Buffer.from(device, 'base64url'))
    const host = this.#deps.host()
    if (!key) throw new MsgError('MSG_ERR_PEER_IDENTITY', { detail: 'a key that is none' })
    if (host === undefined) return
    this.#link = this.#deps.endpoint.connect({ instance, key }, [{ host, port }], this.#listener)
  }

  #handleOpen(link: Link): void {
    if (link !== this.#link) return link.close(0, 'not expected')
    this.#isOpen = true
    this.#failures = 0
    this.#deps.streams.handleOpen(link, { instance: link.peer.instance, user: SERVER_PEER })
    this.#tell(link, 'open', '')
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #handleMoved(link: Link): void {
    if (link === this.#link && this.#isOpen && link.stats().path !== this.#path) this.#tell(link, 'moved', '')
  }

  #handleClosed(link: Link, { kind, reason }: LinkCloseReason): void {
    if (link !== this.#link) return
    this.#forget(link, reason || kind)
    if (this.#holders === 0 || this.#isClosed) return
    if (kind === 'unanswered' && this.#failures === 0) this.#warn()
    this.#failures++
    // Without a control connection nobody can introduce: `handleBack` follows.
    const delay = kind === 'idle' ? 0 : backoffMs(this.#failures, this.#deps.random(), RELINK)
    this.#callIn(delay)
  }

  #callIn(delayMs: number): void {
    this.#timer = globalThis
      .setTimeout(() => {
        this.#call().catch(() => {
          // The server is there and did not answer: once more. If it is away, `handleBack` follows.
          if (this.#holders > 0 && !this.#isClosed && this.#deps.host() !== undefined)
            this.#callIn(backoffMs(++this.#failures, this.#deps.random(), RELINK))
        })
      }, delayMs)
      .unref()
  }

  #drop(reason: string): void {
    clearTimeout(this.#timer)
    const link = this.#link
    if (!link) return
    this.#forget(link, reason)
    if (link.state !== 'closed') link.close(0, reason)
  }

  #forget(link: Link, reason: string): void {
    this.#link = undefined
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#deps.streams.handleClosed(link)
    this.#tell(link, 'closed', reason)
  }

  #tell(link: Link, state: 'open' | 'moved' | 'closed', reason: string): void {
    const { path } = link.stats()
    const previous = state === 'moved' ? (this.#path ?? null) : null
    if (state === 'open' || path !== this.#path) this.#since = Date.now()
    this.#path = path
    const status = pathStatusOf(link.stats(), this.#context)
    this.#deps.emitter.emit({ type: 'path', with: SERVER_PEER, state, previous, ...status, reason })
  }

  /** A server is where everybody can reach it. */
  get #context(): LinkContext {
    return { user: SERVER_PEER, here: this.#deps.mapping?.() ?? 'unknown', there: 'none', since: this.#since }
  }

  #warn(): void {
    const message =
      'no link to the server yet (no answer): its UDP port may be blocked; what is to be downloaded waits for it'
    this.#deps.emitter.emit({ type: 'warning', code: 'MSG_ERR_LINK_CLOSED', message })
  }
}

/** Stands for the server where a user's name stands otherwise, and can be none. */
export const SERVER_PEER = '@server'
/** How often it is looked whether everything has arrived, milliseconds. */
const DRAIN_STEP_MS = 5
