import { expect } from 'chai'
import fc from 'fast-check'
import {
  decodeRpc,
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  fromRpcError,
} from '../../src/core/control/rpc.ts'
import { MsgError } from '../../src/core/errors.ts'
import { formatAddress, formatIp, parseAddress, parseIp } from '../../src/core/wire/address.ts'
import { LineSplitter } from '../../src/core/wire/lines.ts'
import { canonicalName, displayName } from '../../src/core/wire/names.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest as encodeRendezvous,
  encodeResponse,
} from '../../src/core/wire/rendezvous.ts'

/** The result, or undefined when a MsgError was thrown; anything else thrown fails the property. */
const guarded = <T>(act: () => T): T | undefined => {
  try {
    return act()
  } catch (error) {
    if (!MsgError.is(error)) throw error
    return undefined
  }
}
const TIME = { interruptAfterTimeLimit: 3_000, numRuns: 2_000 }
const octets = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size })
const host = fc.oneof(octets(4), octets(16)).map((bytes) => formatIp(parseIp(formatIp(bytes)) ?? bytes))

describe('fuzz: wire and rpc', () => {
  it('the line splitter gives the same lines for every way to cut the bytes', () => {
    const text = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 10 })
    fc.assert(
      fc.property(text, fc.array(fc.nat(30)), (lines, cuts) => {
        const clean = lines.map((line) => line.replace(/[\r\n]/g, '')).filter((line) => line !== '')
        const bytes = new TextEncoder().encode(clean.map((line) => `${line}\n`).join(''))
        const splitter = new LineSplitter(1_024)
        const found: string[] = []
        let at = 0
        for (const size of [...cuts, bytes.byteLength]) {
          splitter.handleBytes(bytes.slice(at, at + size))
          at = Math.min(bytes.byteLength, at + size)
          for (let line = splitter.pollLine(); line !== undefined; line = splitter.pollLine()) found.push(line)
        }
        expect(found).to.deep.equal(clean)
      }),
      TIME,
    )
  })

  it('the line splitter throws nothing but MsgError and holds no more than its limit', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (chunks) => {
        const splitter = new LineSplitter(32)
        guarded(() => {
          for (const chunk of chunks) {
            splitter.handleBytes(chunk)
            while (splitter.pollLine() !== undefined);
            expect(splitter.held).to.be.below(32)
          }
        })
      }),
      TIME,
    )
  })

  it('the rpc decoder never throws, and every refusal can be sent', () => {
    const value = fc.record(
      {
        jsonrpc: fc.constantFrom('2.0', 2),
        id: fc.jsonValue(),
        method: fc.jsonValue(),
        params: fc.jsonValue(),
        result: fc.jsonValue(),
        error: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          value.map((v) => JSON.stringify(v)),
        ),
        (text) => {
          const message = decodeRpc(text)
          if (message.kind === 'invalid')
            expect(decodeRpc(encodeError(message.id, message.error)).kind).to.equal('error')
        },
      ),
      TIME,
    )
  })

  it('rpc decode after encode is identity', () => {
    const id = fc.oneof(fc.maxSafeInteger(), fc.string({ maxLength: 64 }))
    const params = fc.dictionary(fc.string(), fc.jsonValue()).map((p) => JSON.parse(JSON.stringify(p)) as object)
    const method = fc.string({ maxLength: 64 })
    const nonNegativeZero = (n: number | string): number | string => (Object.is(n, -0) ? 0 : n)
    fc.assert(
      fc.property(id.map(nonNegativeZero), method, params, (id, method, params) => {
        expect(decodeRpc(encodeRequest(id, method, params))).to.deep.equal({ kind: 'request', id, method, params })
        expect(decodeRpc(encodeNotification(method, params))).to.deep.equal({ kind: 'notification', method, params })
        expect(decodeRpc(encodeResult(id, params))).to.deep.equal({ kind: 'result', id, result: params })
      }),
      TIME,
    )
    fc.assert(
      fc.property(fc.anything(), (value) => MsgError.is(fromRpcError(value))),
      TIME,
    )
  })

  it('rendezvous decode after encode is identity, and mutations never throw', () => {
    fc.assert(
      fc.property(
        octets(16),
        host,
        fc.integer({ min: 1, max: 65_535 }),
        fc.nat(63),
        fc.nat(255),
        (token, host, port, at, byte) => {
          const request = encodeRendezvous(token)
          expect(decodeRequest(request)).to.deep.equal(token)
          const response = encodeResponse(token, { host, port })
          expect(decodeResponse(response)).to.deep.equal({ token, address: { host, port } })
          decodeRequest(request.with(at, byte))
          decodeResponse(response.with(at % response.byteLength, byte))
        },
      ),
      TIME,
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        decodeRequest(bytes)
        decodeResponse(bytes)
      }),
      TIME,
    )
  })

  it('addresses and names throw nothing but MsgError, and are stable', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.ipV6(),
      fc.ipV4(),
      fc.stringMatching(/^[[\]0-9a-f:.%]{0,40}$/),
    )
    fc.assert(
      fc.property(text, (text) => {
        const address = guarded(() => parseAddress(text))
        if (address) expect(parseAddress(formatAddress(address))).to.deep.equal(address)
        const ip = parseIp(text)
        if (ip) expect(parseIp(formatIp(ip))).to.deep.equal(ip)
        const name = guarded(() => canonicalName(text))
        if (name !== undefined) expect(canonicalName(displayName(text))).to.equal(name)
      }),
      TIME,
    )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 4 }), (text) => {
        const name = guarded(() => canonicalName(text))
        if (name !== undefined && name.length <= 32) expect(canonicalName(name)).to.equal(name)
      }),
      TIME,
    )
  })
})
