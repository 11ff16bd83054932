import { expect } from 'chai'
import {
  decodeParameters,
  encodeParameters,
  LOCAL_PARAMETERS,
  type TransportParameters,
} from '../../../src/core/transport/transport-parameters.ts'
import { Writer } from '../../../src/core/wire/writer.ts'
import { expectCode } from '../../helpers/errors.ts'
import { s } from '../../helpers/time.ts'

/** Ids with the ends of their ranges, as docs and code promise them. */
const RANGES: ReadonlyArray<readonly [name: keyof TransportParameters, id: number, min: number, max: number]> = [
  ['initialMaxData', 1, 65_536, 2 ** 40],
  ['initialMaxStreamData', 2, 65_536, 2 ** 40],
  ['initialMaxStreams', 3, 1, 2 ** 20],
  ['maxAckDelay', 4, 0, s(1)],
  ['idleTimeout', 5, s(1), s(600)],
  ['maxDatagramSize', 6, 1_200, 65_527],
  ['receiveBuffer', 7, 0, 2 ** 40],
]

const spelt = (...values: number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 8)
  const writer = new Writer(bytes)
  for (const value of values) writer.varint(value)
  return bytes.subarray(0, writer.offset)
}
const local = RANGES.flatMap(([name, id]) => [id, LOCAL_PARAMETERS[name]])

describe('transport/transport-parameters', () => {
  it('reads back what it writes', () => {
    expect(decodeParameters(encodeParameters(LOCAL_PARAMETERS))).to.deep.equal({ ...LOCAL_PARAMETERS })
  })

  it('offers values that it would take itself, at both ends of every range', () => {
    for (const end of [2, 3] as const) {
      const values = Object.fromEntries(RANGES.map((row) => [row[0], row[end]])) as unknown as TransportParameters
      expect(decodeParameters(encodeParameters(values))).to.deep.equal(values)
    }
  })

  it('refuses every value outside its range, by its name', () => {
    for (const [name, , min, max] of RANGES) {
      for (const value of [min - 1, max + 1].filter((value) => value >= 0)) {
        const error = expectCode(
          () => decodeParameters(encodeParameters({ ...LOCAL_PARAMETERS, [name]: value })),
          'MSG_ERR_PROTOCOL',
        )
        expect(error.detail).to.contain(name)
      }
    }
  })

  it('refuses a set in which one is missing', () => {
    for (let i = 0; i < RANGES.length; i++) {
      expectCode(() => decodeParameters(spelt(...local.toSpliced(i * 2, 2))), 'MSG_ERR_PROTOCOL')
    }
    expectCode(() => decodeParameters(new Uint8Array(0)), 'MSG_ERR_PROTOCOL')
  })

  it('skips ids that it does not know, and does not mind their order', () => {
    const shuffled = [77, 1, ...local.slice(6), 1_000_000, 2 ** 50, ...local.slice(0, 6)]
    expect(decodeParameters(spelt(...shuffled))).to.deep.equal({ ...LOCAL_PARAMETERS })
  })

  it('refuses a set that is cut in the middle of an entry', () => {
    const bytes = encodeParameters(LOCAL_PARAMETERS)
    expectCode(() => decodeParameters(bytes.subarray(0, bytes.byteLength - 1)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeParameters(Uint8Array.from([...bytes, 9])), 'MSG_ERR_PROTOCOL')
  })

  it('cannot be changed from outside', () => {
    expect(Object.isFrozen(LOCAL_PARAMETERS)).to.equal(true)
  })
})
