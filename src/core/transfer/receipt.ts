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
  /** 10^6 bytes per second, on average, of what went over links now; 0 when it took no time. */
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
  /** What went over links now, bytes: less than all where an earlier process had a part. */
  readonly moved: number
  readonly took: Duration
}

/** Does the arithmetic of a receipt. */
export function createReceipt({ root, took, moved, ...facts }: ReceiptFacts): Receipt {
  return {
    ...facts,
    root: Buffer.from(root).toString('hex'),
    seconds: took / seconds(1),
    megabytesPerSecond: took > 0 ? moved / took : 0,
  }
}

/** Seconds until `bytes` of `size` are all at `rate` bytes per second; null when nobody can say. */
export function timeLeft(bytes: number, size: number, rate: number): number | null {
  if (size >= 0 && bytes >= size) return 0
  return size < 0 || rate <= 0 ? null : (size - bytes) / rate
}
