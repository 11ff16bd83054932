import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { safetyNumber } from '../../../src/core/crypto/safety-number.ts'

const alice = { user: 'alice', publicKey: new Uint8Array(32).fill(1) }
const bob = { user: 'bob', publicKey: new Uint8Array(32).fill(2) }

/** One party's thirty digits, computed another way. */
function digits({ user, publicKey }: typeof alice): string {
  let hash: Buffer = Buffer.concat([Buffer.from('msg safety 1'), publicKey, Buffer.from(user)])
  for (let i = 0; i < 5_200; i++)
    hash = createHash('sha512')
      .update(Buffer.concat([hash, publicKey]))
      .digest()
  const groups = [0, 5, 10, 15, 20, 25].map((at) => {
    const value = BigInt(`0x${hash.subarray(at, at + 5).toString('hex')}`)
    return String(value % 100_000n).padStart(5, '0')
  })
  return groups.join('')
}

describe('crypto/safety-number', () => {
  it('is sixty digits', () => {
    expect(safetyNumber(alice, bob)).to.match(/^[0-9]{60}$/)
  })

  it('is the same for both sides', () => {
    expect(safetyNumber(alice, bob)).to.equal(safetyNumber(bob, alice))
  })

  it('is made of both halves, the smaller first', () => {
    expect(safetyNumber(alice, bob)).to.equal([digits(alice), digits(bob)].sort().join(''))
  })

  it('changes with either key and either name', () => {
    const numbers = [
      safetyNumber(alice, bob),
      safetyNumber({ ...alice, publicKey: new Uint8Array(32).fill(3) }, bob),
      safetyNumber(alice, { ...bob, publicKey: new Uint8Array(32).fill(3) }),
      safetyNumber({ ...alice, user: 'alicf' }, bob),
      safetyNumber(alice, { ...bob, user: 'böb' }),
    ]
    expect(new Set(numbers).size).to.equal(numbers.length)
  })

  it('has a meaning for a person compared with themselves', () => {
    const number = safetyNumber(alice, alice)
    expect(number.slice(0, 30)).to.equal(number.slice(30))
  })
})
