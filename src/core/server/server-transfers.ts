import type { ServerTransfers, Session } from '../plugins/define.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { TransferEvent } from '../transfers/api.ts'
import { Transfers } from '../transfers/transfers.ts'

/** What {@link LinkTransfers} are built with. */
export interface LinkTransfersDeps {
  readonly router: StreamRouter
  /** Who a connection is, while it is signed in or linked. */
  readonly sessionOf: (instance: string) => Session | undefined
}

/** Contents that plugins send over the server's links. Nobody sends the server anything: what is offered to it is declined. */
export class LinkTransfers implements ServerTransfers {
  readonly #deps: LinkTransfersDeps
  readonly #transfers: Transfers
  readonly #listeners = new Set<(event: TransferEvent, session: Session) => void>()

  constructor(deps: LinkTransfersDeps) {
    this.#deps = deps
    this.#transfers = new Transfers({
      router: deps.router,
      emit: (event) => this.#tell(event),
      // A client that wants it after a restart asks again.
      journal: { put: () => {}, remove: () => {} },
    })
  }

  async offer(
    { id: instance }: Session,
    { id, path, name, skipHidden = false }: Parameters<ServerTransfers['offer']>[1],
  ): ReturnType<ServerTransfers['offer']> {
    const { kind, size, files } = await this.#transfers.offerTo(instance, id, [path], { name, skipHidden })
    return { kind: kind === 'folder' ? 'folder' : 'file', size: size ?? 0, files }
  }

  onEvent(fn: (event: TransferEvent, session: Session) => void): void {
    this.#listeners.add(fn)
  }

  /** Nothing is left of that connection: what was on its way to it is over. */
  async handleGone(instance: string): Promise<void> {
    for (const { id, with: user } of this.#transfers.list()) if (user === instance) await this.#transfers.drop(id, user)
  }

  async close(): Promise<void> {
    await this.#transfers.close()
  }

  #tell(event: TransferEvent): void {
    if (event.type === 'transfer.offered') {
      void this.#transfers.drop(event.id, event.from)
      return
    }
    const session = this.#deps.sessionOf(event.with)
    if (session) for (const listener of this.#listeners) listener(event, session)
    if (OVER.has(event.type)) setImmediate(() => void this.#transfers.drop(event.id, event.with))
  }
}

const OVER: ReadonlySet<string> = new Set(['transfer.done', 'transfer.failed', 'transfer.stopped', 'transfer.declined'])
