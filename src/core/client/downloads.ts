import { randomBytes } from 'node:crypto'
import { ERRORS, isErrorCode, MsgError } from '../errors.ts'
import type { ClientTransfers, DownloadOptions } from '../plugins/define.ts'
import type { TransferEvent } from '../transfers/api.ts'
import type { Transfers } from '../transfers/transfers.ts'
import { SERVER_PEER, type ServerLink } from './server-link.ts'

/** What {@link Downloads} are built with. */
export interface DownloadsDeps {
  readonly link: ServerLink
  readonly transfers: Transfers
}

type Checkpoint = Extract<TransferEvent, { type: 'transfer.checkpoint' }>
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
    const { signal, to = process.cwd(), limit, checkpoint, onCheckpoint } = options
    const id = randomBytes(ID_SIZE).toString('hex')
    if (signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'downloading' })
    const release = await link.hold()
    const forget = transfers.expect(SERVER_PEER, id, { to, limit, ...(onCheckpoint ? { checkpoint } : {}) })
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
        return active.reject(errorOf(event))
      case 'transfer.checkpoint':
        void this.#ask(active, event)
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

  /** It is paused until somebody has said whether it goes on. */
  async #ask({ id, options, reject }: Active, { bytes, size }: Checkpoint): Promise<void> {
    try {
      const goesOn = await options.onCheckpoint?.({ bytes, size })
      if (!this.#active.has(id)) return
      if (goesOn === false) this.#stop(id)
      else this.#deps.transfers.continue(id)
    } catch (error) {
      this.#stop(id)
      reject(MsgError.of(error))
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

/** The error that an event tells of, with what was particular about it. */
function errorOf({ code, message }: Extract<TransferEvent, { type: 'transfer.failed' }>): MsgError {
  if (!isErrorCode(code)) return new MsgError('MSG_ERR_INTERNAL', { detail: message })
  const [before = ''] = ERRORS[code].message.split('%s')
  return new MsgError(code, { detail: message.startsWith(before) ? message.slice(before.length) : message })
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
