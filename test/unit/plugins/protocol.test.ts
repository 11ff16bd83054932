import { expect } from 'chai'
import * as v from 'valibot'
import { defineProtocol, message } from '../../../src/core/plugins/protocol.ts'

describe('plugins/protocol', () => {
  const ping = message({ from: 'client', maxBytes: 100, schema: v.object({}) })
  const define =
    (over: object, messages: object = { ping }) =>
    () =>
      defineProtocol({ id: 'echo', version: 1, messages: messages as never, ...over })

  it('takes a protocol as it is, and freezes it', () => {
    const protocol = defineProtocol({ id: 'echo', version: 1, messages: { ping } })
    expect(protocol.messages.ping).to.equal(ping)
    expect(Object.isFrozen(protocol)).to.equal(true)
  })

  for (const id of ['', 'e', 'Echo', '1echo', 'ec_ho', 'echo!', 'e'.repeat(33)])
    it(`refuses the id ${JSON.stringify(id)}`, () => expect(define({ id })).to.throw(TypeError))
  for (const version of [0, -1, 1.5, 1_000, Number.NaN])
    it(`refuses the version ${version}`, () => expect(define({ version })).to.throw(TypeError))
  for (const maxBytes of [0, -1, 1.5, 61_441, Infinity])
    it(`refuses a limit of ${maxBytes} bytes`, () => {
      expect(define({}, { ping: { ...ping, maxBytes } })).to.throw(TypeError)
      expect(define({}, { ping: { ...ping, answer: { schema: ping.schema, maxBytes } } })).to.throw(TypeError)
    })

  for (const timeoutMs of [0, -1, 25_001, Number.NaN])
    it(`refuses handlers that may take ${timeoutMs} ms`, () =>
      expect(define({}, { ping: { ...ping, timeoutMs } })).to.throw(TypeError))

  it('refuses names of messages that no log could show', () => {
    expect(define({}, { 'ping pong': ping })).to.throw(TypeError)
    expect(define({}, { ['p'.repeat(33)]: ping })).to.throw(TypeError)
  })
})
