import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import {
  NOISE_OVERHEAD,
  NoiseInitiator,
  noiseResponder,
  publicKeyOf,
  sharedSecret,
} from '../../../src/core/crypto/noise.ts'

const vector = JSON.parse(readFileSync(new URL('../../fixtures/noise-ik.json', import.meta.url), 'utf8'))
const bytes = (text: string): Buffer => Buffer.from(text, 'hex')
const pair = (secret: string) => ({ secretKey: bytes(secret), publicKey: publicKeyOf(bytes(secret)) })
const prologue = bytes(vector.prologue)
const initiator = () =>
  new NoiseInitiator(
    pair(vector.initStatic),
    bytes(vector.initRemoteStatic),
    bytes(vector.messages[0].payload),
    bytes(vector.initEphemeral),
    prologue,
  )
const responder = (message: Uint8Array) =>
  noiseResponder(pair(vector.respStatic), message, bytes(vector.respEphemeral), prologue)

describe('the Noise IK handshake', () => {
  it('makes and reads the published messages, handshake and transport', () => {
    const dialing = initiator()
    expect(Buffer.from(dialing.message).toString('hex')).to.equal(vector.messages[0].ciphertext)

    const asked = responder(bytes(vector.messages[0].ciphertext))!
    expect(Buffer.from(asked.payload)).to.deep.equal(bytes(vector.messages[0].payload))
    expect(Buffer.from(asked.remoteKey)).to.deep.equal(publicKeyOf(bytes(vector.initStatic)))

    const { message, secrets } = asked.answer(bytes(vector.messages[1].payload))
    expect(Buffer.from(message).toString('hex')).to.equal(vector.messages[1].ciphertext)

    const finished = dialing.finish(message)!
    expect(Buffer.from(finished.payload)).to.deep.equal(bytes(vector.messages[1].payload))
    for (const [index, { payload, ciphertext }] of vector.messages.slice(2).entries()) {
      const [from, to] = index % 2 === 0 ? [finished.send, secrets.receive] : [secrets.send, finished.receive]
      const packetNumber = Math.floor(index / 2)
      const packet = Buffer.concat([bytes(payload), Buffer.alloc(16)])
      from.seal(packetNumber, packet, 0)
      expect(packet.toString('hex')).to.equal(ciphertext)
      expect(Buffer.from(to.open(packetNumber, packet, 0)!)).to.deep.equal(bytes(payload))
    }
  })

  it('still finishes after any number of forged answers', () => {
    const dialing = initiator()
    const { message } = responder(dialing.message)!.answer(new Uint8Array(0))
    for (let i = 0; i < message.byteLength; i++) {
      const forged = Buffer.from(message)
      forged[i]! ^= 1
      expect(dialing.finish(forged), `byte ${i} changed`).to.equal(undefined)
    }
    expect(dialing.finish(message.subarray(0, 40))).to.equal(undefined)
    expect(dialing.finish(message)).to.not.equal(undefined)
  })

  it('refuses a first message in which any byte was changed', () => {
    const { message } = initiator()
    for (let i = 0; i < message.byteLength; i++) {
      const forged = Buffer.from(message)
      forged[i]! ^= 1
      expect(responder(forged), `byte ${i} changed`).to.equal(undefined)
    }
  })

  it('refuses a first message for somebody else, or for another protocol', () => {
    const { message } = initiator()
    expect(noiseResponder(pair(vector.initStatic), message, bytes(vector.respEphemeral), prologue)).to.equal(undefined)
    expect(
      noiseResponder(pair(vector.respStatic), message, bytes(vector.respEphemeral), Buffer.from('other')),
    ).to.equal(undefined)
  })

  it('adds as many bytes as it says', () => {
    const { message } = initiator()
    expect(message.byteLength - bytes(vector.messages[0].payload).byteLength).to.equal(NOISE_OVERHEAD.first)
    expect(responder(message)!.answer(new Uint8Array(7)).message.byteLength - 7).to.equal(NOISE_OVERHEAD.second)
  })

  it('gives no shared secret for a public key of low order', () => {
    expect(sharedSecret(bytes(vector.initStatic), new Uint8Array(32))).to.equal(undefined)
    expect(sharedSecret(bytes(vector.initStatic), bytes(vector.initRemoteStatic))).to.have.length(32)
  })
})
