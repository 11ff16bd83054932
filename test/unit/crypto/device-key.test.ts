import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { deviceKey, fingerprintOf, isSignedBy, noiseKeyOf } from '../../../src/core/crypto/device-key.ts'
import { publicKeyOf, sharedSecret } from '../../../src/core/crypto/noise.ts'

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex')
const key = deviceKey(new Uint8Array(32).fill(1))
const other = deviceKey(new Uint8Array(32).fill(2))

describe('crypto/device-key', () => {
  it('signs as RFC 8032 section 7.1 does', () => {
    const test2 = deviceKey(hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'))
    expect(Buffer.from(test2.publicKey).toString('hex')).to.equal(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    )
    expect(Buffer.from(test2.sign(hex('72'))).toString('hex')).to.equal(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
  })

  it('gives the same keys for the same seed, and others for another', () => {
    const again = deviceKey(new Uint8Array(32).fill(1))
    expect(Buffer.from(again.publicKey).equals(key.publicKey)).to.equal(true)
    expect(Buffer.from(again.noise.secretKey).equals(key.noise.secretKey)).to.equal(true)
    expect(Buffer.from(other.publicKey).equals(key.publicKey)).to.equal(false)
  })

  it('knows its signatures', () => {
    const message = Buffer.from('hello')
    const signature = key.sign(message)
    expect(isSignedBy(key.publicKey, message, signature)).to.equal(true)
    expect(isSignedBy(other.publicKey, message, signature)).to.equal(false)
    expect(isSignedBy(key.publicKey, Buffer.from('hellp'), signature)).to.equal(false)
    for (let at = 0; at < 64; at++) {
      const changed = Uint8Array.from(signature)
      changed[at]! ^= 1
      expect(isSignedBy(key.publicKey, message, changed), `byte ${at}`).to.equal(false)
    }
  })

  it('takes keys and signatures of wrong lengths for false, and never throws', () => {
    for (const length of [0, 31, 33, 64])
      expect(isSignedBy(new Uint8Array(length), key.seed, key.sign(key.seed))).to.equal(false)
    for (const length of [0, 63, 65])
      expect(isSignedBy(key.publicKey, key.seed, new Uint8Array(length))).to.equal(false)
    expect(isSignedBy(new Uint8Array(32), new Uint8Array(0), new Uint8Array(64))).to.equal(false)
  })

  it('derives the X25519 key that others derive from the public half', () => {
    expect(Buffer.from(noiseKeyOf(key.publicKey)!).equals(key.noise.publicKey)).to.equal(true)
    expect(Buffer.from(publicKeyOf(key.noise.secretKey)).equals(key.noise.publicKey)).to.equal(true)
    const there = sharedSecret(key.noise.secretKey, noiseKeyOf(other.publicKey)!)!
    const back = sharedSecret(other.noise.secretKey, noiseKeyOf(key.publicKey)!)!
    expect(Buffer.from(there).equals(back)).to.equal(true)
  })

  it('derives nothing from bytes that are no public key', () => {
    // Not on the curve, of small order, of wrong length.
    expect(noiseKeyOf(new Uint8Array(32).fill(0xff))).to.equal(undefined)
    expect(noiseKeyOf(Uint8Array.of(1, ...new Uint8Array(31)))).to.equal(undefined)
    expect(noiseKeyOf(new Uint8Array(32))).to.equal(undefined)
    for (const length of [0, 31, 33]) expect(noiseKeyOf(new Uint8Array(length)), String(length)).to.equal(undefined)
  })

  it('prints a fingerprint as ssh does', () => {
    expect(fingerprintOf(key.publicKey)).to.match(/^SHA256:[A-Za-z0-9+/]{43}$/)
    const digest = createHash('sha256').update(key.publicKey).digest()
    expect(Buffer.from(fingerprintOf(key.publicKey).slice(7), 'base64').equals(digest)).to.equal(true)
  })
})
