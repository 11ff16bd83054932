import { randomBytes } from 'node:crypto'
import { MsgError } from '../errors.ts'
import type { ClientTransfers, DownloadOptions } from '../plugins/client-scope.ts'
import type { TransferEvent } from '../transfers/api.ts'
import type { Transfers } from '../transfers/transfers.ts'
import { SERVER_PEER, type ServerLink } from './server-link.ts'

/** What {@link Downloads} are built with. */
export interface DownloadsDeps {
  readonly link: ServerLink
  readonly transfers: Transfers
}

type Done = Extract<TransferEvent, { type: 'transfer.done' }>

/** What this client fetches from its server: asked for over the control channel, again after each restart, carried over the link. */
export class Downloads implements ClientTransfers {
  readonly #deps: DownloadsDeps
  readonly #active = new Map<string, Active>()

  constructor(deps: DownloadsDeps) {
    this.#deps = deps
  }

  async download(options: DownloadOptions): Promise<Done> {
    const { link, transfers } = this.#deps
    const { signal, to = process.cwd(), limit, checkpoint } = options
    const id = randomBytes(ID_SIZE).toString('hex')
    if (signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'downloading' })
    const release = await link.hold()
    const forget = transfers.expect(SERVER_PEER, id, { to, limit, checkpoint })
    const stop = (): void => this.#stop(id)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await new Promise<Done>((resolve, reject) => {
        const active: Active = { id, options, resolve, reject }
        this.#active.set(id, active)
        void this.#request(active)
      })
    } finally {
      this.#active.delete(id)
      signal?.removeEventListener('abort', stop)
      forget()
      // That it is over is on its way; with the link it would be gone.
      await link.drained(FAREWELL_MS)
      release()
    }
  }

  /** Signed in again: what is not over is asked for again. */
  handleBack(): void {
    for (const active of this.#active.values()) void this.#request(active)
  }

  /** Something happened to a transfer, perhaps to one of these. */
  handleEvent(event: TransferEvent): void {
    const active = this.#active.get(event.id)
    if (active === undefined) return
    switch (event.type) {
      case 'transfer.done':
        return active.resolve(event)
      case 'transfer.stopped':
        return active.reject(
          new MsgError('MSG_ERR_TRANSFER_STOPPED', {
            detail: event.by === 'you' ? event.name : `${event.name}, by the server`,
          }),
        )
      case 'transfer.failed':
        return active.reject(MsgError.told(event))
    }
  }

  async #request(active: Active): Promise<void> {
    try {
      await active.options.request(active.id)
    } catch (error) {
      // The server is away: it is asked when it is back.
      if (MsgError.is(error) && AWAY.has(error.code)) return
      this.#stop(active.id)
      active.reject(MsgError.of(error))
    }
  }

  /** What has arrived is kept. */
  #stop(id: string): void {
    const active = this.#active.get(id)
    if (!active) return
    this.#deps.transfers.stop(id).catch(() => {
      // Nothing was offered yet.
      active.reject(new MsgError('MSG_ERR_TRANSFER_STOPPED', { detail: 'before it began' }))
    })
  }
}

interface Active {
  readonly id: string
  readonly options: DownloadOptions
  readonly resolve: (done: Done) => void
  readonly reject: (error: MsgError) => void
}

/** How long the last words may take, milliseconds. */
const FAREWELL_MS = 500
/** Specification: bytes of a transfer's id. */
const ID_SIZE = 16
/** Ways in which a server does not answer now. */
const AWAY: ReadonlySet<string> = new Set([
  'MSG_ERR_SERVER_UNREACHABLE',
  'MSG_ERR_CONNECTION_CLOSED',
  'MSG_ERR_NOT_CONNECTED',
  'MSG_ERR_SIGN_IN_REQUIRED',
])
