import { seconds, type Duration } from '../time/instant.ts'

/** What a finished transfer says of itself. */
export interface Receipt {
  readonly bytes: number
  /** 64 hex digits. */
  readonly root: string
  /** Value of the last byte, 0 to 255; null when there is none. */
  readonly lastByte: number | null
  /** From the first ask to the end without pauses, seconds. */
  readonly seconds: number
  /** 10^6 bytes per second, on average; 0 when it took no time. */
  readonly megabytesPerSecond: number
  /** Where it landed; null at the sender. */
  readonly path: string | null
  /** Packets that were sent again on the links meanwhile. */
  readonly retransmits: number
  /** Sources that blocks came from; at the sender: receivers. */
  readonly sources: number
}

/** What a {@link Receipt} is made of. */
export interface ReceiptFacts extends Pick<Receipt, 'bytes' | 'lastByte' | 'path' | 'retransmits' | 'sources'> {
  readonly root: Uint8Array
  readonly took: Duration
}

/** Does the arithmetic of a receipt. */
export function createReceipt({ root, took, ...facts }: ReceiptFacts): Receipt {
  return {
    ...facts,
    root: Buffer.from(root).toString('hex'),
    seconds: took / seconds(1),
    megabytesPerSecond: took > 0 ? facts.bytes / took : 0,
  }
}

/** Seconds until `bytes` of `size` are all at `rate` bytes per second; null when nobody can say. */
export function timeLeft(bytes: number, size: number, rate: number): number | null {
  if (size >= 0 && bytes >= size) return 0
  return size < 0 || rate <= 0 ? null : (size - bytes) / rate
}

/** Tells once when a fraction of the content is crossed, however large the steps are. */
export class Checkpoints {
  readonly #fractions: number[]

  /**
   * @param fractions - above 0, below 1.
   * @param bytes - what is there already: what lies behind it is not told any more.
   */
  constructor(fractions: readonly number[], bytes: number, size: number) {
    this.#fractions = [...fractions].sort((a, b) => a - b)
    this.cross(bytes, size)
  }

  /** @returns the largest fraction that `bytes` of `size` crossed since the last call; `undefined` for none, and while the size is unknown. */
  cross(bytes: number, size: number): number | undefined {
    let crossed: number | undefined
    while (size > 0 && this.#fractions[0] !== undefined && bytes >= this.#fractions[0] * size)
      crossed = this.#fractions.shift()
    return crossed
  }
}
