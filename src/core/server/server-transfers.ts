import type { ServerTransfers } from '../plugins/server-scope.ts'
import type { Session } from '../plugins/session.ts'
import { MsgError } from '../errors.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { TransferEvent } from '../transfers/api.ts'
import { HASH_SIZE } from '../transfer/hash.ts'
import type { Content } from '../transfers/content.ts'
import { Transfers } from '../transfers/transfers.ts'

/** Whom contents are sent to. */
export type Addressee = Pick<Session, 'id' | 'user'>

/** What {@link LinkTransfers} are built with. */
export interface LinkTransfersDeps {
  readonly router: StreamRouter
  /** Who a connection is, while it is signed in or linked. */
  readonly sessionOf: (instance: string) => Addressee | undefined
}

/** Contents that plugins send over the server's links. Nobody sends the server anything: what is offered to it is declined. */
export class LinkTransfers implements ServerTransfers {
  readonly #deps: LinkTransfersDeps
  readonly #transfers: Transfers
  readonly #contents = new ContentCache()
  readonly #walks = new Walks()
  /** What is being looked at, by path and options. */
  readonly #opening = new Map<string, Promise<Content>>()
  readonly #listeners = new Set<(event: TransferEvent, session: Addressee) => void>()

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
    { id: instance }: Pick<Session, 'id'>,
    { id, path, name, skipHidden = false }: Parameters<ServerTransfers['offer']>[1],
  ): ReturnType<ServerTransfers['offer']> {
    this.#checkLinked(instance)
    const content = await this.#content(path, { name, skipHidden })
    // It may have gone meanwhile.
    this.#checkLinked(instance)
    const before = this.#transfers.offerAgain(instance, id)
    if (before && before !== content) {
      await this.#forget(instance, id)
      throw new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: name })
    }
    if (!before) this.#transfers.offerExpected(instance, id, content)
    const { kind, size, entries } = content.source.manifest
    return { kind: kind === 'folder' ? 'folder' : 'file', size, files: entries.length }
  }

  onEvent(fn: (event: TransferEvent, session: Addressee) => void): void {
    this.#listeners.add(fn)
  }

  /** Nothing is left of that connection: what was on its way to it is over. */
  async handleGone(instance: string): Promise<void> {
    for (const { id, with: user } of this.#transfers.list()) if (user === instance) await this.#forget(instance, id)
  }

  async close(): Promise<void> {
    await this.#transfers.close()
    this.#contents.clear()
  }

  #checkLinked(instance: string): void {
    if (!this.#deps.sessionOf(instance))
      throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'that connection has asked for none' })
  }

  /** Whoever keeps account of it hears that it is over, though nobody had answered the offer. */
  async #forget(instance: string, id: string): Promise<void> {
    const offered = this.#transfers.list().find((other) => other.with === instance && other.id === id)
    await this.#transfers.forget(instance, id)
    if (offered?.state !== 'offered') return
    const { name, room } = offered
    this.#tell({ type: 'transfer.stopped', id, direction: 'out', with: instance, room, name, by: 'them' })
  }

  /** What is at a path now: as it was opened before if nothing of it has changed, with the hashes that are known by now. */
  #content(path: string, options: { name: string; skipHidden: boolean }): Promise<Content> {
    const key = JSON.stringify([path, options])
    const known = this.#opening.get(key)
    if (known) return known
    const opening = this.#walks.run(() => this.#open(path, options)).finally(() => this.#opening.delete(key))
    this.#opening.set(key, opening)
    return opening
  }

  async #open(path: string, options: { name: string; skipHidden: boolean }): Promise<Content> {
    const fresh = await this.#transfers.open([path], options)
    const known = this.#contents.take(path)
    const content = known && Buffer.compare(known.encoded, fresh.encoded) === 0 ? known : fresh
    if (content !== fresh) await fresh.close()
    this.#contents.put(path, content)
    return content
  }

  #tell(event: TransferEvent): void {
    if (event.type === 'transfer.offered') {
      void this.#transfers.forget(event.from, event.id)
      return
    }
    const instance = event.with ?? ''
    // It may be another file under the same name and time.
    if (event.type === 'transfer.failed') this.#contents.clear()
    const session = this.#deps.sessionOf(instance)
    if (session) for (const listener of this.#listeners) listener(event, session)
    if (OVER.has(event.type)) setImmediate(() => void this.#transfers.forget(instance, event.id))
  }
}

/** So many folders are looked at at a time; who comes later waits. */
class Walks {
  #running = 0
  readonly #waiting: Array<() => void> = []

  async run<T>(walk: () => Promise<T>): Promise<T> {
    if (this.#running < MAX_WALKS) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await walk()
    } finally {
      // Whoever is next takes its place.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}

/** Contents that were sent lately, so that the next one who asks for them costs no second hashing. */
class ContentCache {
  /** The one used last is last. */
  readonly #contents = new Map<string, Content>()

  /** Takes one out. */
  take(path: string): Content | undefined {
    const content = this.#contents.get(path)
    this.#contents.delete(path)
    return content
  }

  put(path: string, content: Content): void {
    this.#contents.set(path, content)
    let weight = 0
    for (const [other, { encoded, blocks }] of [...this.#contents].reverse()) {
      weight += encoded.byteLength + blocks * HASH_SIZE
      if (weight > MAX_WEIGHT && other !== path) this.#contents.delete(other)
    }
  }

  clear(): void {
    this.#contents.clear()
  }
}

/** Folders that are looked at at a time. */
const MAX_WALKS = 2
/** Bytes of manifests and hashes that are kept for the next one who asks. */
const MAX_WEIGHT = 67_108_864
const OVER: ReadonlySet<string> = new Set(['transfer.done', 'transfer.failed', 'transfer.stopped', 'transfer.declined'])
