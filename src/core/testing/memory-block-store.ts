import { MsgError } from '../errors.ts'
import type { BlockStore, Landed, LandOptions } from '../io/transfer/block-store.ts'
import { ByteSpace } from '../transfer/byte-space.ts'
import { blockHash, equalHashes } from '../transfer/hash.ts'
import type { Manifest } from '../transfer/manifest.ts'

/** What one content has in a {@link MemoryDownloads}. */
interface Kept {
  readonly bytes: Uint8Array
  readonly hash: Uint8Array
}

/** Downloads in memory: stands in for a download root in tests. */
export class MemoryDownloads {
  /** What has landed: the bytes of each whole content, by name. */
  readonly landed = new Map<string, Uint8Array>()
  readonly #kept = new Map<string, Map<number, Kept>>()

  /** Opens a store; what was kept under the key is there again, except of a stream. */
  open(manifest: Manifest, key: string): MemoryBlockStore {
    const blocks = (manifest.size < 0 ? undefined : this.#kept.get(key)) ?? new Map<number, Kept>()
    this.#kept.set(key, blocks)
    return new MemoryBlockStore(manifest, blocks, this.landed, () => this.#kept.delete(key))
  }
}

/** A {@link BlockStore} without a disk. */
export class MemoryBlockStore implements BlockStore {
  readonly blocks: number
  readonly #manifest: Manifest
  readonly #space: ByteSpace
  readonly #kept: Map<number, Kept>
  readonly #root: Map<string, Uint8Array>
  readonly #forget: () => void
  #landed: Landed | undefined
  #isOpen = true

  constructor(manifest: Manifest, kept: Map<number, Kept>, root: Map<string, Uint8Array>, forget: () => void) {
    this.#manifest = manifest
    this.#space = new ByteSpace(manifest)
    this.#kept = kept
    this.#root = root
    this.#forget = forget
    this.blocks = this.#space.blocks
  }

  get verified(): number {
    return this.#kept.size
  }

  get hasLanded(): boolean {
    return this.#landed !== undefined
  }

  has(index: number): boolean {
    return this.#kept.has(index)
  }

  hash(index: number): Uint8Array | undefined {
    return this.#kept.get(index)?.hash
  }

  async write(index: number, bytes: Uint8Array, hash: Uint8Array): Promise<void> {
    this.#checkOpen()
    if (this.#kept.has(index)) return
    const most = this.#space.length(index)
    const isLength = bytes.length > 0 && (this.#space.size === Infinity ? bytes.length <= most : bytes.length === most)
    if (!isLength || !equalHashes(blockHash(bytes), hash))
      throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: `block ${index}` })
    this.#kept.set(index, { bytes: Uint8Array.from(bytes), hash: Uint8Array.from(hash) })
  }

  async read(index: number): Promise<Uint8Array | undefined> {
    this.#checkOpen()
    return this.#kept.get(index)?.bytes
  }

  async land({ size = this.#space.size }: LandOptions = {}): Promise<Landed> {
    if (this.#landed) return this.#landed
    this.#checkOpen()
    const bytes = Buffer.concat([...this.#kept].sort(([a], [b]) => a - b).map(([, block]) => block.bytes))
    if (bytes.length !== size) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'blocks are missing' })
    let name = this.#manifest.name
    for (let n = 2; this.#root.has(name); n++) name = `${this.#manifest.name} (${n})`
    this.#root.set(name, bytes)
    this.#end()
    const files = this.#manifest.entries.filter(({ kind }) => kind === 'file').length
    return (this.#landed = { path: `/memory/${name}`, name, files, size })
  }

  async keep(): Promise<void> {
    this.#isOpen = false
  }

  async discard(): Promise<void> {
    if (this.#isOpen) this.#end()
  }

  #end(): void {
    this.#isOpen = false
    this.#forget()
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'this download has ended' })
  }
}
