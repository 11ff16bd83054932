import { expect } from 'chai'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  NO_PROOF,
  proofOf,
} from '../../../src/core/wire/rendezvous.ts'

const token = Uint8Array.from({ length: 16 }, (_, i) => i + 1)

describe('wire/rendezvous', () => {
  it('asks with 64 bytes that carry the token', () => {
    const request = encodeRequest(token)
    expect(request.byteLength).to.equal(64)
    expect(request[0]).to.equal(0x20)
    expect(decodeRequest(request)).to.deep.equal(token)
  })

  it('answers with the address and port that were seen', () => {
    for (const address of [
      { host: '192.0.2.7', port: 1 },
      { host: '2001:db8::7', port: 65_535 },
    ]) {
      const response = encodeResponse(token, address)
      expect(response.byteLength).to.be.at.most(64)
      expect(decodeResponse(response)).to.deep.equal({ token, address })
    }
  })

  it('carries a proof in both directions, when one is asked for', () => {
    const proof = Uint8Array.from({ length: 8 }, (_, i) => 100 + i)
    expect(proofOf(encodeRequest(token))).to.equal(undefined)
    expect(proofOf(encodeRequest(token, NO_PROOF))).to.deep.equal(NO_PROOF)
    expect(proofOf(encodeRequest(token, proof))).to.deep.equal(proof)
    expect(decodeRequest(encodeRequest(token, proof))).to.deep.equal(token)
    for (const host of ['192.0.2.7', '2001:db8::7']) {
      const response = encodeResponse(token, { host, port: 7 }, proof)
      expect(response.byteLength).to.be.at.most(64)
      expect(decodeResponse(response)).to.deep.equal({ token, address: { host, port: 7 }, proof })
      for (let size = response.byteLength - 7; size < response.byteLength; size++)
        expect(decodeResponse(response.subarray(0, size))).to.equal(undefined)
    }
  })

  it('answers an IPv4-mapped address as IPv4', () => {
    expect(decodeResponse(encodeResponse(token, { host: '::ffff:10.0.0.9', port: 7 }))?.address).to.deep.equal({
      host: '10.0.0.9',
      port: 7,
    })
  })

  it('takes requests of the one size and type only', () => {
    const request = encodeRequest(token)
    expect(decodeRequest(request.subarray(0, 63))).to.equal(undefined)
    expect(decodeRequest(Uint8Array.from([...request, 0]))).to.equal(undefined)
    expect(decodeRequest(new Uint8Array(64))).to.equal(undefined)
    expect(decodeRequest(new Uint8Array(0))).to.equal(undefined)
  })

  it('takes no response that is cut, too long, of another family or without port', () => {
    const response = encodeResponse(token, { host: '192.0.2.7', port: 7 })
    for (let size = 0; size < response.byteLength; size++)
      expect(decodeResponse(response.subarray(0, size))).to.equal(undefined)
    expect(decodeResponse(Uint8Array.from([...response, 0]))).to.equal(undefined)
    expect(decodeResponse(response.with(17, 5))).to.equal(undefined)
    expect(decodeResponse(response.with(0, 0x20))).to.equal(undefined)
    expect(decodeResponse(encodeResponse(token, { host: '192.0.2.7', port: 0 }))).to.equal(undefined)
  })
})
