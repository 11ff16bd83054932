import { createHash } from 'node:crypto'
import { ByteSpace } from '../../src/core/transfer/byte-space.ts'
import type { Entry, Manifest } from '../../src/core/transfer/manifest.ts'

/** Content that a test sends: each block with its hash. */
export interface Content {
  readonly manifest: Manifest
  /** Fits the manifest; made of the sizes and names alone. */
  readonly key: string
  readonly bytes: Buffer
  block(index: number): { readonly bytes: Buffer; readonly hash: Buffer }
}

/** Content of the given files, in order: what is in each, under its path. A path that ends in '/' is a folder. */
export function contentOf(
  files: Record<string, string | Uint8Array>,
  given: Partial<Manifest> & { mode?: number } = {},
): Content {
  const { mode = 0o644, ...rest } = given
  const parts = Object.entries(files).map(([path, data]) => ({ path, bytes: Buffer.from(data as Uint8Array) }))
  const entries = parts.map(({ path, bytes }): Entry => {
    const isFolder = path.endsWith('/')
    return {
      path: isFolder ? path.slice(0, -1) : path,
      kind: isFolder ? 'folder' : 'file',
      size: bytes.length,
      mode,
      mtime: 1_700_000_000_000,
    }
  })
  const bytes = Buffer.concat(parts.map((part) => part.bytes))
  const kind = parts.length === 1 ? 'file' : 'folder'
  const manifest: Manifest = { name: 'sent', kind, entries, size: bytes.length, blockSize: 262_144, ...rest }
  return {
    manifest,
    key: sha256(Buffer.from(JSON.stringify(manifest))).toString('hex'),
    bytes,
    block: (index) => {
      const at = index * manifest.blockSize
      const block = bytes.subarray(at, at + manifest.blockSize)
      return { bytes: block, hash: sha256(block) }
    },
  }
}

/** Indices of the blocks of `content`. */
export function indicesOf({ manifest, bytes }: Content): number[] {
  const { blocks } = new ByteSpace({
    ...manifest,
    size: bytes.length,
    entries: [{ ...manifest.entries[0]!, kind: 'file', size: bytes.length }],
  })
  return Array.from({ length: blocks }, (_, index) => index)
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** The same files whenever it is called: `count` of them, of `size` bytes each, in folders of a hundred. */
export function madeUp(count: number, size: number): Content {
  const files: Record<string, Uint8Array> = {}
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.alloc(size, sha256(Buffer.from(`${i}`)))
    files[count === 1 ? 'one' : `${Math.floor(i / 100)}/${i}`] = bytes
  }
  return contentOf(files)
}
