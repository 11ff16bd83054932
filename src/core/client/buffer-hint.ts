import type { SocketBuffers } from '../transport/endpoint-api.ts'

/**
 * What to do about a receive buffer that the system caps far below what was asked for.
 *
 * @param platform - as `process.platform` names it.
 * @returns a sentence for people; `undefined` when the buffer is fine.
 */
export function bufferHint({ receive, wanted }: SocketBuffers, platform: string): string | undefined {
  if (receive >= wanted / FAR_BELOW) return undefined
  const command = COMMANDS[platform]?.(wanted)
  return [
    `the system holds only ${Math.round(receive / 1_024)} KiB of what arrives for this program (${Math.round(wanted / 1_024)} KiB were asked for), so fast transfers to it lose more and slow down`,
    ...(command === undefined ? [] : [`\`${command}\` raises the system's cap for programs started from then on`]),
  ].join('; ')
}

/** Tells once when bytes arrive at bulk speed: whoever only chats never gets there. */
export class BulkWatch {
  readonly #onBulk: () => void
  readonly #now: () => number
  #bytes = 0
  #since: number | undefined
  #isTold = false

  /** @param now - milliseconds. */
  constructor(onBulk: () => void, now: () => number = () => performance.now()) {
    this.#onBulk = onBulk
    this.#now = now
  }

  /** The clock is looked at once in {@link BULK_BYTES}. */
  handleBytes(length: number): void {
    if (this.#isTold) return
    this.#bytes += length
    if (this.#bytes < BULK_BYTES) return
    const now = this.#now()
    this.#isTold = this.#since !== undefined && now - this.#since <= BULK_MS
    this.#since = now
    this.#bytes = 0
    if (this.#isTold) this.#onBulk()
  }
}

/** What the system gives may be this many times smaller than what was asked for before it matters. */
const FAR_BELOW = 4
/** 8 MiB within a second is bulk: at 64 Mbit/s a pause of 20 ms is more than a buffer of Linux's usual 208 KiB holds. */
const BULK_BYTES = 8 * 1_048_576
const BULK_MS = 1_000

const COMMANDS: Readonly<Record<string, (bytes: number) => string>> = {
  linux: (bytes) => `sudo sysctl -w net.core.rmem_max=${bytes} net.core.wmem_max=${bytes}`,
  // The system's own bookkeeping comes out of the same cap.
  darwin: (bytes) => `sudo sysctl -w kern.ipc.maxsockbuf=${2 * bytes}`,
}
