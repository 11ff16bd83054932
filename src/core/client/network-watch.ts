import { networkInterfaces } from 'node:os'

/** Notices that this machine's addresses changed, or that it slept: what was known of the network may hold no more. */
export class NetworkWatch {
  readonly #onChanged: () => void
  readonly #interfaces: typeof networkInterfaces
  readonly #timer: NodeJS.Timeout
  #addresses: string
  #lookedAt = Date.now()

  /** @param interfaces - those of this machine. */
  constructor(onChanged: () => void, interfaces: typeof networkInterfaces = networkInterfaces) {
    this.#onChanged = onChanged
    this.#interfaces = interfaces
    this.#addresses = this.#read()
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const addresses = this.#read()
    // The wall clock goes on while a machine sleeps; timers do not.
    const hasSlept = Date.now() - this.#lookedAt > INTERVAL_MS + SLEPT_MS
    this.#lookedAt = Date.now()
    if (addresses === this.#addresses && !hasSlept) return
    this.#addresses = addresses
    this.#onChanged()
  }

  #read(): string {
    const all = Object.entries(this.#interfaces()).flatMap(([name, addresses]) =>
      (addresses ?? []).map(({ address, cidr }) => `${name} ${cidr ?? address}`),
    )
    return all.sort().join()
  }
}

/** How often it is looked, milliseconds: what the system says costs a tenth of one. */
const INTERVAL_MS = 3_000
/** How much later than it should a look comes after a sleep; a busy machine is late, too. */
const SLEPT_MS = 10_000
