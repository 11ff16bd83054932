import type { Writable } from 'node:stream'
import type { PathKind } from '../transport/endpoint-api.ts'

/** One content on its way to or from one user, or a room. */
export interface TransferStatus {
  /** 32 hex digits; any beginning that is unique names it. */
  readonly id: string
  readonly direction: 'in' | 'out'
  /** The other user; null for what this one offers to a room. */
  readonly with: string | null
  /** The room it is offered to; null between two people. */
  readonly room: string | null
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
  /** Of a download: who can be asked for blocks now; else who receives it now. */
  readonly sources: number
  /** `waiting`: accepted, and the other side is not there now. */
  readonly state: 'offered' | 'waiting' | 'active' | 'paused' | 'done' | 'failed' | 'stopped' | 'declined'
}

/** What all events about one transfer have in common. */
interface TransferFacts {
  readonly id: string
  readonly direction: 'in' | 'out'
  readonly with: string | null
  readonly room: string | null
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
  | { type: 'transfer.declined'; id: string; with: string; room: string | null; name: string }
  | ({ type: 'transfer.started'; name: string; size: number | null } & TransferFacts)
  /** At most ten a second. `rate` in bytes per second. */
  | ({
      type: 'transfer.progress'
      bytes: number
      size: number | null
      rate: number
      etaSeconds: number | null
      sources: number
      via: PathKind | null
    } & TransferFacts)
  /** So much is there that somebody wanted to be asked whether to go on; it is paused. */
  | ({ type: 'transfer.checkpoint'; name: string; fraction: number; bytes: number; size: number } & TransferFacts)
  /** One of those who have it sent what is wrong, and is asked nothing more. `source`: the user. */
  | ({ type: 'transfer.blocked'; name: string; source: string; code: string; message: string } & TransferFacts)
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

/** Which transfers go first. */
export type TransferPriority = 'high' | 'normal' | 'low'

/** How something is sent. */
export interface SendOptions {
  /** @default the file's own */
  readonly name?: string | undefined
  /** Bytes per second at most. @default no limit */
  readonly limit?: number | undefined
  /** @default 'normal' */
  readonly priority?: TransferPriority | undefined
}

/** How something is received. */
export interface ReceiveOptions {
  /** A folder; or a stream, which gets the bytes of a file in order as they are verified, and is not ended. @default the working directory */
  readonly to?: string | Writable | undefined
  /** Bytes per second at most. @default no limit */
  readonly limit?: number | undefined
  /** Fraction, 0 to 1, at which it pauses and tells `transfer.checkpoint`. @default none */
  readonly checkpoint?: number | undefined
}

/** What is in an offer. */
export interface TransferContents {
  /** Paths are relative and as they were offered: not to be trusted. Sizes in bytes. */
  readonly entries: ReadonlyArray<{ readonly path: string; readonly kind: 'file' | 'folder'; readonly size: number }>
}

/** One transfer as it is remembered until it is over. */
export interface TransferRecord {
  /** 32 hex digits. */
  readonly id: string
  readonly direction: 'in' | 'out'
  /** The other user; '' for what was offered to a room. */
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
