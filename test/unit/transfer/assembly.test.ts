import { expect } from 'chai'
import { Assembly, checkHashes, checkManifest } from '../../../src/core/transfer/assembly.ts'
import { manifestHash, rootHash } from '../../../src/core/transfer/hash.ts'
import { MAX_MANIFEST } from '../../../src/core/transfer/manifest.ts'
import { expectCode } from '../../helpers/errors.ts'
import { someHash } from '../../helpers/transfers.ts'

const piece = (from: number, to: number): Uint8Array => Uint8Array.from({ length: to - from }, (_, i) => from + i)

describe('transfer/assembly', () => {
  it('puts pieces together in order', () => {
    const whole = new Assembly(10)
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 10],
    ] as const) {
      expect(whole.isComplete).to.equal(false)
      expect(whole.received).to.equal(from)
      whole.handlePiece(from, piece(from, to))
    }
    expect(whole.isComplete).to.equal(true)
    expect([...whole.bytes]).to.deep.equal([...piece(0, 10)])
  })

  it('is complete at once when there is nothing to come', () => {
    expect(new Assembly(0).isComplete).to.equal(true)
  })

  it('refuses pieces that are not the next, or too long', () => {
    const whole = new Assembly(10)
    whole.handlePiece(0, piece(0, 4))
    expectCode(() => whole.handlePiece(0, piece(0, 4)), 'MSG_ERR_PROTOCOL')
    expectCode(() => whole.handlePiece(5, piece(5, 6)), 'MSG_ERR_PROTOCOL')
    expectCode(() => whole.handlePiece(4, piece(4, 11)), 'MSG_ERR_PROTOCOL')
    whole.handlePiece(4, piece(4, 10))
    expect(whole.isComplete).to.equal(true)
  })

  it('takes no memory for what was only announced', () => {
    const before = process.memoryUsage().arrayBuffers
    const many = Array.from({ length: 100 }, () => new Assembly(MAX_MANIFEST))
    for (const one of many) one.handlePiece(0, piece(0, 100))
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(MAX_MANIFEST)
    expectCode(() => new Assembly(MAX_MANIFEST + 1), 'MSG_ERR_LIMIT')
  })

  it('starts again after clear', () => {
    const whole = new Assembly(2)
    whole.handlePiece(0, piece(0, 2))
    whole.clear()
    expect(whole.received).to.equal(0)
    whole.handlePiece(0, Uint8Array.of(9, 9))
    expect([...whole.bytes]).to.deep.equal([9, 9])
  })

  it('owns its memory', () => {
    const whole = new Assembly(2)
    const bytes = piece(0, 2)
    whole.handlePiece(0, bytes)
    bytes.fill(9)
    expect([...whole.bytes]).to.deep.equal([0, 1])
  })

  it('lets through only the manifest and the hashes that were promised', () => {
    const manifest = piece(0, 50)
    const hashes = Buffer.concat([someHash(1), someHash(2)])
    checkManifest(manifest, manifestHash(manifest))
    checkHashes(manifest, hashes, rootHash(manifest, hashes))
    expectCode(() => checkManifest(piece(1, 50), manifestHash(manifest)), 'MSG_ERR_TRANSFER_INTEGRITY')
    expectCode(
      () => checkHashes(manifest, hashes.subarray(32), rootHash(manifest, hashes)),
      'MSG_ERR_TRANSFER_INTEGRITY',
    )
    const odd = hashes.subarray(1)
    expectCode(() => checkHashes(manifest, odd, rootHash(manifest, odd)), 'MSG_ERR_TRANSFER_INTEGRITY')
  })
})
