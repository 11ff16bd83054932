import { expect } from 'chai'
import { encodeManifest } from '../../../src/core/transfer/manifest-codec.ts'
import { decodeSidecar, encodeHead, encodeRecord, RECORD_SIZE } from '../../../src/core/transfer/sidecar.ts'
import { expectCode } from '../../helpers/errors.ts'
import { fileManifest, someHash } from '../../helpers/transfers.ts'

const MIB = 1_048_576
const manifest = fileManifest(9.5 * MIB)
const encoded = encodeManifest(manifest)
const known = Buffer.concat(Array.from({ length: 10 }, (_, n) => someHash(n)))
const sidecar = (blocks: readonly number[], hashes?: Uint8Array): Uint8Array => {
  const { bytes, key } = encodeHead(encoded, hashes)
  return Buffer.concat([bytes, ...blocks.map((n) => encodeRecord(key, n, someHash(n)))])
}
const verified = (bytes: Uint8Array): number[] => {
  const state = decodeSidecar(bytes)
  return state.verified.ranges().flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i))
}

describe('transfer/sidecar', () => {
  it('keeps the manifest, and the blocks with their hashes', () => {
    const state = decodeSidecar(sidecar([4, 0, 9]))
    expect(state.manifest).to.deep.equal(manifest)
    expect(state.encodedManifest).to.deep.equal(encoded)
    expect(state.known).to.equal(undefined)
    expect([...state.hashes]).to.deep.equal([4, 0, 9].map((n) => [n, someHash(n)]))
    expect(state.verified.ranges()).to.deep.equal([
      { start: 0, end: 1 },
      { start: 4, end: 5 },
      { start: 9, end: 10 },
    ])
  })

  it('keeps hashes that were known from the start', () => {
    const state = decodeSidecar(sidecar([1], known))
    expect(Buffer.from(state.known ?? [])).to.deep.equal(known)
    expect(verified(sidecar([1], known))).to.deep.equal([1])
  })

  it('counts no block whose hash is not the known one', () => {
    const { bytes, key } = encodeHead(encoded, known)
    expect(verified(Buffer.concat([bytes, encodeRecord(key, 2, someHash(3))]))).to.deep.equal([])
  })

  it('counts a block once that was recorded twice', () => {
    expect(verified(sidecar([3, 3, 3]))).to.deep.equal([3])
  })

  it('counts no block that there is not', () => {
    expect(verified(sidecar([9, 10, 4_000_000_000]))).to.deep.equal([9])
  })

  it('counts no record of another download', () => {
    const other = encodeHead(encodeManifest(fileManifest(9.5 * MIB, 2 * MIB)))
    const { bytes } = encodeHead(encoded)
    expect(verified(Buffer.concat([bytes, encodeRecord(other.key, 1, someHash(1))]))).to.deep.equal([])
  })

  it('says where to go on after a record was cut short', () => {
    const bytes = sidecar([1, 2, 3])
    const state = decodeSidecar(bytes.subarray(0, bytes.byteLength - 5))
    expect(state.length).to.equal(bytes.byteLength - RECORD_SIZE)
    expect(state.verified.count).to.equal(2)
    const again = Buffer.concat([bytes.subarray(0, state.length), encodeRecord(state.key, 7, someHash(7))])
    expect(verified(again)).to.deep.equal([1, 2, 7])
  })

  it('passes over a damaged record and finds those behind it', () => {
    const bytes = Uint8Array.from(sidecar([1, 2, 3]))
    bytes[bytes.byteLength - 2 * RECORD_SIZE + 10]! ^= 1
    expect(verified(bytes)).to.deep.equal([1, 3])
    expect(decodeSidecar(bytes).length).to.equal(bytes.byteLength)
  })

  it('is refused when its head is cut or changed anywhere', () => {
    for (const hashes of [undefined, known]) {
      const { bytes } = encodeHead(encoded, hashes)
      for (let at = 0; at < bytes.byteLength; at++) {
        expectCode(() => decodeSidecar(bytes.subarray(0, at)), 'MSG_ERR_TRANSFER_INTEGRITY')
        const changed = Uint8Array.from(bytes)
        changed[at]! ^= 1 << (at % 8)
        expectCode(() => decodeSidecar(changed), 'MSG_ERR_TRANSFER_INTEGRITY')
      }
    }
  })

  it('is refused when it has another number of hashes than blocks, or no manifest', () => {
    expectCode(() => decodeSidecar(encodeHead(encoded, known.subarray(32)).bytes), 'MSG_ERR_TRANSFER_INTEGRITY')
    expectCode(() => decodeSidecar(encodeHead(Uint8Array.of(1, 2, 3)).bytes), 'MSG_ERR_TRANSFER_INTEGRITY')
  })
})
