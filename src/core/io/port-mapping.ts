import { isPrivate } from '../wire/address.ts'
import { defaultGateway } from './default-gateway.ts'
import type { MapperAnswer, MapperRequest } from './port-mapping-main.ts'
import { startWorker } from './start-worker.ts'

export type { MapperAnswer, MapperRequest } from './port-mapping-main.ts'

/** Where the router is. @default what the system says, and a search */
export type RouterPlace = Pick<MapperRequest, 'router' | 'descriptor'>

/** Asks the router for its address outside, over NAT-PMP and UPnP. @returns `undefined` when none answers. @throws the reason of `signal` */
export async function findRouter(
  deadlineMs: number,
  { signal, place = placeOfRouter() }: { signal?: AbortSignal; place?: RouterPlace } = {},
): Promise<MapperAnswer | undefined> {
  const asked = { job: 'find', port: 0, externalPort: 0, leaseSeconds: 0, deadlineMs, ...place } as const
  return await askMapper(asked, deadlineMs, signal).catch((error: unknown) => {
    if (signal?.aborted) throw error
    return undefined
  })
}

/** What a {@link PortMapping} is started with. */
export interface PortMappingOptions {
  /** Of this machine's UDP socket. */
  readonly port: number
  /** The port that the router has opened, as the world sees it; `undefined` when it is not any more. */
  readonly onMapped: (mapped: { readonly host: string; readonly port: number } | undefined) => void
  /** The first attempt failed, or what was open is not any more: said once. */
  readonly onFailed: (why: string) => void
  /** @default what the system says, and a search */
  readonly place?: RouterPlace
  /** @default a thread that asks the router */
  readonly ask?: typeof askMapper
}

/**
 * A UDP port that the router opens for this machine: asked for at once, again before it runs out, given back at the end.
 *
 * Every question has a thread of its own, which ends with the answer or the deadline; nothing of the port mapper is loaded or left in this one.
 */
export class PortMapping {
  readonly #options: PortMappingOptions
  readonly #end = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<void>
  #mapped: MapperAnswer | undefined
  /** When the router closes it, milliseconds of the process's clock. */
  #expiresAt = 0
  #isFailed = false
  #isClosing = false

  constructor(options: PortMappingOptions) {
    this.#options = options
    this.#asking = this.#map()
  }

  /** Gives the port back, if the router takes it soon. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#timer)
    // A port that was asked for a moment ago may be open already.
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, GRACE_MS)))
    await Promise.race([this.#asking, late])
    clearTimeout(timer)
    this.#end.abort(new Error('closing'))
    await this.#asking
    if (this.#mapped) await this.#ask('unmap', UNMAP_MS).catch(() => {})
    this.#mapped = undefined
  }

  async #map(): Promise<void> {
    const startedAt = performance.now()
    try {
      const mapped = await this.#ask('map', DEADLINE_MS, this.#end.signal)
      const isSame =
        mapped.externalHost === this.#mapped?.externalHost && mapped.externalPort === this.#mapped.externalPort
      this.#mapped = mapped
      if (this.#isClosing) return
      if (isPrivate(mapped.externalHost))
        throw new Error(`your router is at ${mapped.externalHost} itself, behind another one`)
      this.#expiresAt = startedAt + LEASE_SECONDS * 1_000
      if (!isSame) this.#options.onMapped({ host: mapped.externalHost, port: mapped.externalPort })
      this.#again(REFRESH_MS)
    } catch (error) {
      if (!this.#isClosing) this.#fail(error instanceof Error ? error.message : String(error))
    }
  }

  #fail(why: string): void {
    const isOpen = performance.now() < this.#expiresAt
    if (isOpen) return this.#again(RETRY_MS)
    if (this.#expiresAt > 0) this.#options.onMapped(undefined)
    this.#expiresAt = 0
    if (!this.#isFailed) this.#options.onFailed(why)
    this.#isFailed = true
  }

  #again(delayMs: number): void {
    this.#timer = setTimeout(() => (this.#asking = this.#map()), delayMs).unref()
  }

  #ask(job: MapperRequest['job'], deadlineMs: number, signal?: AbortSignal): Promise<MapperAnswer> {
    const { port, place = placeOfRouter(), ask = askMapper } = this.#options
    const { by, externalPort = port } = this.#mapped ?? {}
    return ask({ job, port, externalPort, leaseSeconds: LEASE_SECONDS, deadlineMs, by, ...place }, deadlineMs, signal)
  }
}

/** One question in a thread of its own. @throws what went wrong, for people; the reason of `signal` */
export async function askMapper(
  request: MapperRequest,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<MapperAnswer> {
  signal?.throwIfAborted()
  const worker = startWorker(import.meta.url, 'port-mapping-main', {
    name: 'msg port mapping',
    workerData: request,
    // It logs as DEBUG says; nobody reads that.
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 },
  })
  worker.unref()
  let timer: NodeJS.Timeout | undefined
  let onAbort = (): void => {}
  try {
    return await new Promise<MapperAnswer>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('your router did not answer in time')), deadlineMs)
      onAbort = () => reject(signal!.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      worker.on('message', (told: { result: MapperAnswer } | { error: string }) => {
        if ('result' in told) resolve(told.result)
        else reject(new Error(told.error))
      })
      worker.on('error', reject)
      worker.on('exit', () => reject(new Error('the port mapper ended')))
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    await worker.terminate()
  }
}

function placeOfRouter(): RouterPlace {
  const router = defaultGateway()
  return router === undefined ? {} : { router }
}

/** Half of what RFC 6886 section 3.3 recommends, and the least that the package asks of UPnP. */
const LEASE_SECONDS = 3_600
/** Asked again at a third of the lease: a gateway may grant less than was asked for, and the package does not tell. */
const REFRESH_MS = 1_200_000
/** While it is still open and the router did not answer. */
const RETRY_MS = 60_000
/** For one question, all protocols together. */
const DEADLINE_MS = 5_000
/** How long closing waits for an answer that is on its way, and for the router to take the port back. */
const GRACE_MS = 1_000
const UNMAP_MS = 2_000
