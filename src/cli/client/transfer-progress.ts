import type { ClientEvent, PeerStatus, TransferStatus } from '../../core/index.ts'
import type { Moving } from '../render/progress.ts'

/** What {@link TransferProgress} is made of. */
export interface TransferProgressDeps {
  readonly transfers: () => readonly TransferStatus[]
  readonly peers: () => readonly PeerStatus[]
  /** Draws what is on its way; nothing when nothing is. */
  readonly draw: (moving: readonly Moving[]) => void
}

/** Watches the transfers that this process has seen begin, and has them drawn at most ten times a second while there are any. */
export class TransferProgress {
  readonly #deps: TransferProgressDeps
  readonly #begun = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(deps: TransferProgressDeps) {
    this.#deps = deps
  }

  handleEvent(event: ClientEvent): void {
    if (event.type === 'transfer.started') {
      this.#begun.add(event.id)
      this.#timer ??= setInterval(() => this.#look(), PERIOD_MS).unref()
    } else if (OVER.has(event.type) && 'id' in event && this.#begun.delete(event.id)) this.#look()
    else if (event.type === 'disconnected') this.close()
  }

  close(): void {
    this.#begun.clear()
    this.#look()
  }

  #look(): void {
    const { transfers, peers, draw } = this.#deps
    if (this.#begun.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return draw([])
    }
    const open = peers().filter(({ state }) => state === 'open')
    const moving = transfers().filter(({ id, state }) => this.#begun.has(id) && MOVING.has(state))
    draw(moving.map((one) => ({ ...one, via: open.find(({ user }) => user === one.with)?.path ?? null })))
  }
}

/** Ten a second are smooth, milliseconds. */
const PERIOD_MS = 100
const MOVING: ReadonlySet<TransferStatus['state']> = new Set(['active', 'paused', 'waiting'])
const OVER: ReadonlySet<string> = new Set<ClientEvent['type']>([
  'transfer.done',
  'transfer.failed',
  'transfer.stopped',
  'transfer.declined',
])
