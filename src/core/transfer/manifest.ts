/** A file or folder of a transfer. */
export interface Entry {
  /** Separated by '/', relative, NFC; as offered, not to be trusted. */
  readonly path: string
  readonly kind: 'file' | 'folder'
  /** In bytes; 0 for folders. */
  readonly size: number
  /** Permission bits. */
  readonly mode: number
  /** Milliseconds since 1970. */
  readonly mtime: number
}

/** What a transfer consists of. */
export interface Manifest {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'stream'
  readonly entries: readonly Entry[]
  /** Sum of the entries' sizes, in bytes; -1 for a stream whose end is not known. */
  readonly size: number
  /** Power of two, 256 KiB to 16 MiB. */
  readonly blockSize: number
}

/** Specification: most entries of a manifest. */
export const MAX_ENTRIES = 1_000_000
