import { expect } from 'chai'
import { EXPORTER, isProven, newInstance, proveDevice } from '../../../src/core/control/device-proof.ts'
import { deviceKey, isSignedBy } from '../../../src/core/crypto/device-key.ts'

describe('control/device-proof', () => {
  const key = deviceKey(Buffer.alloc(32, 1))
  const other = deviceKey(Buffer.alloc(32, 2))
  const exporter = Buffer.alloc(EXPORTER.length, 9)
  const instance = newInstance(key.publicKey)
  const proof = proveDevice(key, exporter, 'alice', instance)

  it('signs what PROTOCOL.md says, with the exporter it says', () => {
    const text = Buffer.from(`msg sign-in 1\n${'09'.repeat(32)}\nalice\n${instance}`)
    expect(isSignedBy(key.publicKey, text, Buffer.from(proof.signature, 'base64url'))).to.equal(true)
    expect(EXPORTER).to.deep.equal({ label: 'EXPORTER-msg-sign-in', length: 32 })
  })

  it('holds for one connection, one user, one device and an instance of its own', () => {
    expect(isProven(proof, exporter, 'alice')).to.equal(true)
    expect(isProven(proof, Buffer.alloc(32, 8), 'alice')).to.equal(false)
    expect(isProven(proof, exporter, 'bob')).to.equal(false)
    expect(isProven({ ...proof, instance: newInstance(key.publicKey) }, exporter, 'alice')).to.equal(false)
    const device = Buffer.from(other.publicKey).toString('base64url')
    expect(isProven({ ...proof, device }, exporter, 'alice')).to.equal(false)
    expect(isProven(proveDevice(other, exporter, 'alice', instance), exporter, 'alice')).to.equal(false)
  })

  it('is false for what is no key, no signature or no instance', () => {
    for (const wrong of [{ device: 'short' }, { signature: 'short' }, { instance: '' }, { device: '' }])
      expect(isProven({ ...proof, ...wrong }, exporter, 'alice')).to.equal(false)
  })

  it('names every run of a client otherwise, all of them after their device', () => {
    const names = Array.from({ length: 20 }, () => newInstance(key.publicKey))
    expect(new Set(names).size).to.equal(20)
    for (const name of names) expect(name).to.match(/^[0-9a-f]{32}$/)
    expect(new Set(names.map((name) => name.slice(0, 16)))).to.have.lengthOf(1)
    // SHA-256 of the key, as another implementation has it.
    expect(newInstance(new Uint8Array(32)).slice(0, 16)).to.equal('66687aadf862bd77')
  })
})
