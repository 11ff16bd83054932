import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { AcceptPolicy, ClientEvent, TransferStatus } from '../../core/index.ts'
import { MsgError } from '../../core/errors.ts'
import { visible } from '../../core/wire/visible.ts'
import { offerLines } from '../render/offer.ts'
import type { Palette } from '../render/palette.ts'
import type { OneShot } from './one-shot.ts'
import { TransferProgress } from './transfer-progress.ts'
import type { TransferScreen } from './transfer-screen.ts'

/** What `msg client receive` was asked to do. */
export interface ReceiveOptions {
  /** Who is let in, and whose files are taken: whoever a person says yes to, whoever is known, everybody. */
  readonly policy: AcceptPolicy
  /** A folder; or a stream, which gets one content and no more. */
  readonly to: string | Writable
  /** Ends with the first content that is over. */
  readonly isOnce: boolean
  /** Bytes per second at most, of each content; undefined for no limit. */
  readonly limit: number | undefined
}

type Offered = Extract<ClientEvent, { type: 'transfer.offered' }>

/** Receives what is offered, until the first is over or a signal comes. */
export class Reception {
  readonly #oneShot: OneShot
  readonly #options: ReceiveOptions
  readonly #screen: TransferScreen
  readonly #palette: Palette
  readonly #progress: TransferProgress
  /** Contents that were accepted and are not over. */
  readonly #accepted = new Set<string>()
  /** Questions that wait for a person, by what they are about. */
  readonly #questions = new Map<string, AbortController>()
  /** Users of whom a device showed up that was never seen before, though others were. */
  readonly #changed = new Set<string>()
  /** Users who were known before this began. */
  readonly #known = new Map<string, boolean>()

  constructor(oneShot: OneShot, options: ReceiveOptions, screen: TransferScreen, palette: Palette) {
    this.#oneShot = oneShot
    this.#options = options
    this.#screen = screen
    this.#palette = palette
    const { client } = oneShot
    this.#progress = new TransferProgress({
      transfers: () => client.transfers(),
      draw: (moving) => screen.progress(moving),
    })
  }

  /**
   * Runs to the end.
   *
   * @throws with `isOnce` what became of the first one; the signal's reason.
   */
  async run(): Promise<void> {
    const { client, signal, rest } = this.#oneShot
    // Nobody knows when somebody will send something.
    rest()
    const events = client.events()
    const onAbort = (): void => void events.return?.()
    signal.addEventListener('abort', onAbort, { once: true })
    this.#begin()
    try {
      for await (const event of events) {
        if (signal.aborted) break
        if (await this.#handle(event)) return
      }
      await this.#stop()
      throw signal.reason ?? new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'while waiting for files' })
    } finally {
      signal.removeEventListener('abort', onAbort)
      for (const question of this.#questions.values()) question.abort()
      this.#progress.close()
    }
  }

  #begin(): void {
    const { client } = this.#oneShot
    const { policy, to } = this.#options
    const user = client.user ?? ''
    const where = typeof to === 'string' ? visible(to) : 'stdout'
    this.#screen.tell({ type: 'receiving', user, accept: policy, to: typeof to === 'string' ? to : null }, [
      `${this.#palette.name(visible(user))} receives into ${where}: ${POLICY_WORDS[policy]}. Ctrl-C ends it.`,
    ])
    for (const { direction, state, name, with: from } of client.transfers()) {
      if (direction !== 'in' || state !== 'waiting') continue
      this.#screen.note([`${visible(name)} goes on when ${visible(from ?? '')} is there.`])
    }
    for (const from of client.requests) void this.#answer(from)
  }

  /** @returns true when that was all. */
  async #handle(event: ClientEvent): Promise<boolean> {
    if (event.type === 'session.request') {
      void this.#answer(event.from)
      return false
    }
    if (event.type === 'session.withdrawn') this.#questions.get(event.from)?.abort()
    if (event.type === 'peer.device' && event.changed) this.#changed.add(event.with)
    if (event.type === 'transfer.offered') {
      void this.#consider(event)
      return false
    }
    if (event.type.startsWith('transfer.') && 'id' in event) this.#questions.get(event.id)?.abort()
    if ('direction' in event && event.direction === 'out') return false
    this.#screen.event(event, this.#options.isOnce && isOver(event))
    this.#progress.handleEvent(event)
    // What an earlier process had accepted goes on in its folder.
    if (event.type === 'transfer.started' && typeof this.#options.to === 'string') this.#accepted.add(event.id)
    if (!isOver(event)) return false
    if (!this.#accepted.delete(event.id) || !this.#options.isOnce) return false
    if (event.with !== null) await this.#farewell(event.with)
    if (event.type === 'transfer.failed') throw MsgError.told(event)
    if (event.type === 'transfer.stopped')
      throw new MsgError('MSG_ERR_TRANSFER_STOPPED', { detail: `${event.with ?? 'somebody'} ended it` })
    return true
  }

  /** Somebody asks for a session: without one nothing can be offered. */
  async #answer(from: string): Promise<void> {
    const { client } = this.#oneShot
    const { policy } = this.#options
    const isKnown = this.#isKnown(from)
    const isWelcome =
      policy === 'everyone' ||
      isKnown ||
      (policy === 'ask' &&
        (await this.#ask(from, `${visible(from)}, whom you have not met, asks to connect. Let them?`)))
    // Somebody who is known takes part in everything else too: only the files are asked about.
    await (isWelcome ? client.accept(from) : client.decline(from)).catch(() => {})
    if (!isWelcome)
      this.#screen.tell({ type: 'declined', from, id: null, name: null }, [
        `Declined ${this.#palette.name(visible(from))}.`,
      ])
  }

  async #consider(offer: Offered): Promise<void> {
    const { client, signal } = this.#oneShot
    const { to, limit } = this.#options
    const { id, from } = offer
    this.#screen.event(offer)
    const why = this.#objection(offer)
    // A second offer must not slip in while a person thinks about the first.
    const isYes = why === undefined && (await this.#wants(offer))
    if (signal.aborted) return
    if (!isOffered(client.transfers(), id)) {
      this.#screen.note([`${visible(offer.name)} is no longer offered.`])
      return
    }
    if (isYes && !this.#isTaken()) {
      this.#accepted.add(id)
      await client.acceptTransfer(id, { to, limit }).catch((error: unknown) => this.#failed(id, error))
      return
    }
    await client.declineTransfer(id).catch(() => {})
    const reason = why ?? (isYes ? TAKEN : undefined)
    this.#screen.tell({ type: 'declined', from, id, name: offer.name }, [
      `Declined ${this.#palette.strong(visible(offer.name))}${reason === undefined ? '' : `: ${reason}`}.`,
    ])
  }

  /** Why an offer is out of the question. */
  #objection({ kind, from, room }: Offered): string | undefined {
    const { policy, to } = this.#options
    if (typeof to !== 'string' && room !== null) return 'what a room shares goes into a folder'
    if (typeof to !== 'string' && kind === 'folder') return 'a folder cannot go to stdout; `tar c` makes a stream of it'
    if (this.#isTaken()) return TAKEN
    if (policy !== 'contacts') return undefined
    if (this.#changed.has(from)) return 'it comes from a device never seen before'
    return this.#isKnown(from) ? undefined : 'you have not met'
  }

  async #wants(offer: Offered): Promise<boolean> {
    if (this.#options.policy !== 'ask') return true
    const { client } = this.#oneShot
    const isVerified = client
      .peers()
      .some(({ user, verified, state }) => user === offer.from && verified && state === 'open')
    // Refused or too slow: what is known without it is told all the same.
    const entries = offer.kind === 'folder' ? await client.transferContents(offer.id).catch(() => undefined) : undefined
    this.#screen.note(offerLines({ ...offer, isVerified, ...entries }, this.#palette))
    // An offer that is taken back, or accepted on another device, is told by nobody.
    const watch = setInterval(() => {
      if (!isOffered(client.transfers(), offer.id)) this.#questions.get(offer.id)?.abort()
    }, WATCH_MS)
    try {
      return await this.#ask(offer.id, `Receive ${visible(offer.name)}?`)
    } finally {
      clearInterval(watch)
    }
  }

  async #ask(about: string, question: string): Promise<boolean> {
    const { confirm } = this.#screen
    if (confirm === undefined) return false
    const controller = new AbortController()
    this.#questions.set(about, controller)
    try {
      return await confirm(question, { signal: controller.signal })
    } finally {
      this.#questions.delete(about)
    }
  }

  /** Known before this began: opening a link to somebody makes everybody known. */
  #isKnown(user: string): boolean {
    let isKnown = this.#known.get(user)
    if (isKnown === undefined) {
      const { met, contact } = this.#oneShot.client.acquaintance(user)
      this.#known.set(user, (isKnown = met || contact))
    }
    return isKnown
  }

  /** There is room for one only, and it is taken. */
  #isTaken(): boolean {
    return this.#options.isOnce && this.#accepted.size > 0
  }

  #failed(id: string, error: unknown): void {
    this.#accepted.delete(id)
    const { code, message } = MsgError.of(error)
    this.#screen.event({ type: 'warning', code, message })
  }

  /** The last acknowledgement reaches the sender, who then usually leaves. */
  async #farewell(user: string): Promise<void> {
    const { client } = this.#oneShot
    for (let waited = 0; waited < FAREWELL_MS; waited += 50) {
      await delay(50)
      if (!client.conversations().some(({ conversation: c }) => c.kind === 'session' && c.user === user)) return
    }
  }

  /** Tells the senders, and keeps what has arrived. */
  async #stop(): Promise<void> {
    const { client } = this.#oneShot
    const open = client.transfers().filter(({ id, state }) => this.#accepted.has(id) && state !== 'done')
    this.#progress.close()
    if (open.length === 0) return
    for (const { id, name, bytes } of open) {
      await client.stopTransfer(id).catch(() => {})
      if (typeof this.#options.to === 'string' && bytes > 0)
        this.#screen.note([
          `What has arrived of ${visible(name)} is kept: it goes on from there when it is sent again.`,
        ])
    }
    await delay(LAST_WORD_MS)
  }
}

type Ending = Extract<
  ClientEvent,
  { type: 'transfer.done' | 'transfer.failed' | 'transfer.paused' | 'transfer.continued' | 'transfer.stopped' }
>

function isOver(event: ClientEvent): event is Ending {
  return event.type === 'transfer.done' || event.type === 'transfer.failed' || event.type === 'transfer.stopped'
}

function isOffered(transfers: readonly TransferStatus[], id: string): boolean {
  return transfers.some((one) => one.id === id && one.direction === 'in' && one.state === 'offered')
}

const POLICY_WORDS = {
  ask: 'you are asked each time',
  contacts: 'from whom you have met before',
  everyone: 'from everybody',
} as const satisfies Record<AcceptPolicy, string>
const TAKEN = 'one content only'
/** Soon enough for somebody who reads, milliseconds. */
const WATCH_MS = 250
/** Round trips and a retransmission on a slow path, milliseconds. */
const FAREWELL_MS = 1_500
const LAST_WORD_MS = 300
