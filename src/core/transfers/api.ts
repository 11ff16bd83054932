import type { PathKind } from '../transport/endpoint-api.ts'

/** One content on its way to or from one user, or a room. */
export interface TransferStatus {
  /** 32 hex digits; any beginning that is unique names it. */
  readonly id: string
  readonly direction: 'in' | 'out'
  /** The other user. */
  readonly with: string
  readonly name: string
  readonly kind: 'file' | 'folder' | 'stream'
  /** In bytes; null for a stream that goes on. */
  readonly size: number | null
  readonly files: number
  /** Verified here, or sent, bytes. */
  readonly bytes: number
  /** Bytes per second, lately. */
  readonly rate: number
  /** Until it is done; null when nobody can say. */
  readonly etaSeconds: number | null
  /** `waiting`: accepted, and the other side is not there now. */
  readonly state: 'offered' | 'waiting' | 'active' | 'paused' | 'done' | 'failed' | 'stopped' | 'declined'
}

/** What all events about one transfer have in common. */
interface TransferFacts {
  readonly id: string
  readonly direction: 'in' | 'out'
  readonly with: string
}

/** Everything that is told of transfers; `type` names are those of the JSON contract. */
export type TransferEvent =
  | {
      type: 'transfer.offered'
      id: string
      from: string
      room: string | null
      name: string
      kind: 'file' | 'folder' | 'stream'
      size: number | null
      files: number
    }
  | { type: 'transfer.declined'; id: string; with: string; name: string }
  | ({ type: 'transfer.started'; name: string; size: number | null } & TransferFacts)
  /** At most ten a second. `rate` in bytes per second. */
  | ({
      type: 'transfer.progress'
      bytes: number
      size: number | null
      rate: number
      etaSeconds: number | null
    } & TransferFacts)
  | ({
      type: 'transfer.paused' | 'transfer.continued' | 'transfer.stopped'
      name: string
      by: 'you' | 'them'
    } & TransferFacts)
  /** `path`: where it landed, null at the sender; `via`: the link's path; `lastByte`: 0 to 255, null when empty. */
  | ({
      type: 'transfer.done'
      name: string
      bytes: number
      root: string
      lastByte: number | null
      seconds: number
      megabytesPerSecond: number
      path: string | null
      via: PathKind | null
      retransmits: number
      sources: number
    } & TransferFacts)
  | ({ type: 'transfer.failed'; name: string; code: string; message: string } & TransferFacts)

/** One transfer as it is remembered until it is over. */
export interface TransferRecord {
  /** 32 hex digits. */
  readonly id: string
  readonly direction: 'in' | 'out'
  /** The other user. */
  readonly user: string
  /** The OFFER frame, encoded. */
  readonly offer: Uint8Array
  /** Outgoing: what was offered. Incoming: the download root. Absolute. */
  readonly paths: readonly string[]
  readonly state: 'offered' | 'accepted' | 'stopped'
}

/** Remembers transfers over the death of the process. */
export interface TransferJournal {
  put(record: TransferRecord): void
  remove(id: string, direction: 'in' | 'out', user: string): void
}
