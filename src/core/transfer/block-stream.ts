import { MsgError } from '../errors.ts'
import { Reader } from '../wire/reader.ts'
import { varintSize, Writer } from '../wire/writer.ts'
import { ID_SIZE } from './frames.ts'
import { HASH_SIZE } from './hash.ts'
import { MAX_BLOCKS } from './manifest.ts'

/**
 * The `blocks/1` stream: one for each transfer and source, opened by the source, priority 2. After the name:
 *
 * ```
 * opening   id 16
 * block     index varint, length varint (1 to the transfer's block size), hash 32, bytes; as often as was asked
 * ```
 *
 * @packageDocumentation
 */
export const BLOCKS_PROTOCOL = 'blocks/1'

/** What comes before a block's bytes. */
export interface BlockHeader {
  /** From 0, below `MAX_BLOCKS`. */
  readonly index: number
  /** In bytes; at least 1. */
  readonly length: number
  /** What the source says the hash is. */
  readonly hash: Uint8Array
}

/** What a {@link BlockStreamDecoder} found; in a stream always: open, then block, bytes …, end for each block. */
export type BlockStreamEvent =
  | { readonly type: 'open'; readonly id: string }
  | ({ readonly type: 'block' } & BlockHeader)
  /** A piece of the block: `bytes` is a view of what `handleBytes` was given and begins at `offset` in the block. */
  | { readonly type: 'bytes'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly index: number }

/** Encodes what comes before a block's bytes. */
export function encodeBlockHeader({ index, length, hash }: BlockHeader): Uint8Array {
  const bytes = Buffer.allocUnsafe(varintSize(index) + varintSize(length) + HASH_SIZE)
  const writer = new Writer(bytes)
  writer.varint(index)
  writer.varint(length)
  writer.bytes(hash)
  return bytes
}

/**
 * Cuts a `blocks/1` stream (after its name) into blocks, and hands their bytes out as they come, without a copy: who collects them
 * owns the buffer, which need not be larger than the header's `length`.
 *
 * Give it bytes with `handleBytes`, then call `pollEvent` until `undefined`; views are good until then. Keeps at most one
 * unfinished header, 48 bytes. Unusable after it has thrown.
 */
export class BlockStreamDecoder {
  readonly #blockSizeOf: (id: string) => number
  #held: Buffer = EMPTY
  #chunk: Uint8Array = EMPTY
  #limit: number | undefined
  #block: { readonly index: number; readonly length: number } | undefined
  #offset = 0

  /** @param blockSizeOf - the block size of the transfer with that id, bytes; throws when there is none: `pollEvent` lets it through. */
  constructor(blockSizeOf: (id: string) => number) {
    this.#blockSizeOf = blockSizeOf
  }

  /** Bytes that are kept from call to call. */
  get held(): number {
    return this.#held.byteLength
  }

  /** True between blocks: the stream may end here. */
  get isBetweenBlocks(): boolean {
    return this.#limit !== undefined && !this.#block && this.#held.byteLength === 0
  }

  /** The next bytes; the view is used until `pollEvent` has returned `undefined`. Call it only then again. */
  handleBytes(bytes: Uint8Array): void {
    this.#chunk = this.#chunk.byteLength > 0 ? Buffer.concat([this.#chunk, bytes]) : bytes
  }

  /** What came next; `undefined` when more bytes are needed. @throws MSG_ERR_PROTOCOL, MSG_ERR_LIMIT */
  pollEvent(): BlockStreamEvent | undefined {
    if (this.#block) return this.#pollBytes(this.#block)
    return this.#limit === undefined ? this.#pollOpen() : this.#pollBlock(this.#limit)
  }

  #pollOpen(): BlockStreamEvent | undefined {
    const header = this.#gather(ID_SIZE)
    if (header.byteLength < ID_SIZE) return undefined
    const id = header.toString('hex')
    this.#limit = this.#blockSizeOf(id)
    this.#held = EMPTY
    return { type: 'open', id }
  }

  #pollBlock(limit: number): BlockStreamEvent | undefined {
    const indexSize = varintLength(this.#gather(1)[0])
    if (indexSize === 0) return undefined
    const lengthSize = varintLength(this.#gather(indexSize + 1)[indexSize])
    const numbers = indexSize + lengthSize
    if (lengthSize === 0 || this.#gather(numbers).byteLength < numbers) return undefined
    const block = decodeNumbers(new Reader(this.#held), limit)
    const header = this.#gather(numbers + HASH_SIZE)
    if (header.byteLength < numbers + HASH_SIZE) return undefined
    const hash = Uint8Array.from(header.subarray(numbers))
    this.#block = block
    this.#offset = 0
    this.#held = EMPTY
    return { type: 'block', ...block, hash }
  }

  #pollBytes({ index, length }: { readonly index: number; readonly length: number }): BlockStreamEvent | undefined {
    if (this.#offset === length) {
      this.#block = undefined
      return { type: 'end', index }
    }
    if (this.#chunk.byteLength === 0) return undefined
    const offset = this.#offset
    const bytes = this.#chunk.subarray(0, length - offset)
    this.#chunk = this.#chunk.subarray(bytes.byteLength)
    this.#offset += bytes.byteLength
    return { type: 'bytes', offset, bytes }
  }

  /** Moves bytes over until `size` of a header are held, as far as there are any. */
  #gather(size: number): Buffer {
    const missing = size - this.#held.byteLength
    if (missing > 0 && this.#chunk.byteLength > 0) {
      this.#held = Buffer.concat([this.#held, this.#chunk.subarray(0, missing)])
      this.#chunk = this.#chunk.subarray(missing)
    }
    return this.#held
  }
}

function decodeNumbers(reader: Reader, limit: number): { index: number; length: number } {
  const index = reader.varint()
  const length = reader.varint()
  if (index >= MAX_BLOCKS) throw new MsgError('MSG_ERR_LIMIT', { detail: `block ${index}` })
  if (length < 1) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a block without bytes' })
  if (length > limit) throw new MsgError('MSG_ERR_LIMIT', { detail: `a block of ${length} bytes, at most ${limit}` })
  return { index, length }
}

/** Bytes of the varint that begins with `first`; 0 when it is not there yet. */
const varintLength = (first: number | undefined): number => (first === undefined ? 0 : 1 << (first >> 6))

const EMPTY = Buffer.alloc(0)
