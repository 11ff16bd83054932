import { createHash } from 'node:crypto'
import { expect } from 'chai'
import {
  blockHash,
  equalHashes,
  HASH_NAME,
  HASH_SIZE,
  manifestHash,
  rootHash,
} from '../../../src/core/transfer/hash.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const plain = (...values: number[]): string =>
  createHash(HASH_NAME)
    .update(bytes(...values))
    .digest('hex')

describe('transfer/hash', () => {
  it('has hashes of one length', () => {
    for (const hash of [blockHash(bytes()), manifestHash(bytes(1)), rootHash(bytes(1), bytes())])
      expect(hash.byteLength).to.equal(HASH_SIZE)
  })

  it('hashes a block as it is, so that other tools agree', () => {
    expect(blockHash(bytes(1, 2, 3)).toString('hex')).to.equal(plain(1, 2, 3))
  })

  it('gives a block, a manifest and a root of the same bytes different hashes', () => {
    expect(manifestHash(bytes(7, 8)).toString('hex')).to.equal(plain(0, 7, 8))
    expect(rootHash(bytes(7), bytes(8)).toString('hex')).to.equal(plain(1, 7, 8))
    expect(new Set([blockHash, manifestHash].map((hash) => hash(bytes(7, 8)).toString('hex'))).size).to.equal(2)
  })

  it('names another content when a hash or their order changes', () => {
    const [a, b] = [blockHash(bytes(1)), blockHash(bytes(2))]
    expect(rootHash(bytes(9), Buffer.concat([a, b]))).not.to.deep.equal(rootHash(bytes(9), Buffer.concat([b, a])))
  })

  it('compares only whole hashes', () => {
    const hash = blockHash(bytes(1))
    expect(equalHashes(hash, Uint8Array.from(hash))).to.equal(true)
    expect(equalHashes(hash, blockHash(bytes(2)))).to.equal(false)
    expect(equalHashes(bytes(), bytes())).to.equal(false)
    expect(equalHashes(hash, hash.subarray(1))).to.equal(false)
  })
})
