import { expect } from 'chai'
import {
  decodeRpc,
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  fromRpcError,
  invalidParams,
  toRpcError,
} from '../../../src/core/control/rpc.ts'
import { ERRORS, MsgError, type ErrorCode, type ErrorSpec } from '../../../src/core/errors.ts'

const decode = (value: object): ReturnType<typeof decodeRpc> => decodeRpc(JSON.stringify({ jsonrpc: '2.0', ...value }))

describe('control/rpc', () => {
  it('reads what it writes, one line each', () => {
    for (const line of [encodeRequest(7, 'hello', { a: 1 }), encodeNotification('x', {}), encodeResult('q', null)]) {
      expect(line.indexOf('\n')).to.equal(line.length - 1)
    }
    expect(decodeRpc(encodeRequest(7, 'hello', { a: 1 }))).to.deep.equal({
      kind: 'request',
      id: 7,
      method: 'hello',
      params: { a: 1 },
    })
    expect(decodeRpc(encodeNotification('n', { b: 'x\ny' }))).to.deep.equal({
      kind: 'notification',
      method: 'n',
      params: { b: 'x\ny' },
    })
    expect(decodeRpc(encodeResult('q', null))).to.deep.equal({ kind: 'result', id: 'q', result: null })
  })

  it('takes parameters that are left out as none', () => {
    expect(decode({ id: 1, method: 'm' })).to.deep.equal({ kind: 'request', id: 1, method: 'm', params: {} })
  })

  it('refuses what is not JSON or no object, and calls it fatal', () => {
    for (const [text, code] of [
      ['{', -32_700],
      ['', -32_700],
      ['[]', -32_600],
      ['1', -32_600],
      ['null', -32_600],
      ['"x"', -32_600],
    ] as const) {
      const message = decodeRpc(text)
      if (message.kind !== 'invalid') throw new Error(text)
      expect(message.isFatal, text).to.equal(true)
      expect(message.id).to.equal(null)
      expect(message.error.code, text).to.equal(code)
    }
  })

  it('refuses objects that are no messages with their id, and goes on', () => {
    const cases: Array<[object, number | string | null]> = [
      [{ id: 3 }, 3],
      [{ id: 's', method: 5 }, 's'],
      [{ id: 1, method: 'm', params: [] }, 1],
      [{ id: 1, method: 'm', params: 7 }, 1],
      [{ id: 1, method: 'm'.repeat(65) }, 1],
      [{ id: {}, method: 'm' }, null],
      [{ id: 1.5, method: 'm' }, null],
      [{ id: 'i'.repeat(65), method: 'm' }, null],
      [{ id: null, method: 'm' }, null],
      [{ jsonrpc: '1.0', id: 4, method: 'm' }, 4],
    ]
    for (const [value, id] of cases) {
      const message = decode(value)
      if (message.kind !== 'invalid') throw new Error(JSON.stringify(value))
      expect(message.isFatal).to.equal(false)
      expect(message.id, JSON.stringify(value)).to.equal(id)
      expect(message.error.code).to.equal(-32_600)
    }
  })

  it('carries every error a peer can cause there and back', () => {
    for (const [code, spec] of Object.entries(ERRORS) as Array<[ErrorCode, ErrorSpec]>) {
      if (spec.wire === undefined || code === 'MSG_ERR_INTERNAL') continue
      const sent = toRpcError(new MsgError(code, { detail: 'bob' }))
      const message = decodeRpc(encodeError(5, sent))
      if (message.kind !== 'error') throw new Error(code)
      expect(message.id).to.equal(5)
      expect(message.error.code).to.equal(code)
      expect(message.error.detail).to.equal('bob')
      expect(sent.code).to.equal(code === 'MSG_ERR_METHOD_UNKNOWN' ? -32_601 : -32_000 - spec.wire)
    }
  })

  it('keeps what went wrong inside to itself', () => {
    for (const error of [
      new Error('/secret/path'),
      new MsgError('MSG_ERR_STORE_CORRUPT', { detail: '/secret/path' }),
      'x',
      new MsgError('MSG_ERR_INTERNAL', { detail: '/secret' }),
    ]) {
      const told = toRpcError(error)
      expect(told.code).to.equal(-32_001)
      expect(told.data?.code).to.equal('MSG_ERR_INTERNAL')
      expect(JSON.stringify(told)).not.to.contain('secret')
    }
  })

  it('tells which parameter is wrong', () => {
    expect(invalidParams('user: missing')).to.deep.include({
      code: -32_602,
      data: { code: 'MSG_ERR_PROTOCOL', detail: 'user: missing' },
    })
  })

  it('does not believe unknown codes, odd shapes or long details', () => {
    expect(fromRpcError({ code: 1, message: 'm', data: { code: 'MSG_ERR_NOPE', detail: 'x' } }).code).to.equal(
      'MSG_ERR_PROTOCOL',
    )
    expect(fromRpcError({ code: 1, message: 'm', data: { code: 'toString' } }).detail).to.equal('m')
    for (const odd of [null, 1, 'x', [], {}, { data: 1 }, { data: { code: 3 } }])
      expect(fromRpcError(odd).code).to.equal('MSG_ERR_PROTOCOL')
    expect(fromRpcError({ data: { code: 'MSG_ERR_LIMIT', detail: 'd'.repeat(5_000) } }).detail).to.have.lengthOf(1_024)
    expect(fromRpcError({ data: { code: 'MSG_ERR_LIMIT', detail: 5 } }).detail).to.equal('')
  })

  it('reads an error answer without id', () => {
    expect(decode({ id: null, error: { code: -32_700, message: 'x' } })).to.deep.include({ kind: 'error', id: null })
  })
})
