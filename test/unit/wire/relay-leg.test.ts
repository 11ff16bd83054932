import { expect } from 'chai'
import fc from 'fast-check'
import { MAX_RELAYED } from '../../../src/core/wire/relay.ts'
import { encodeLegFrame, LegReader } from '../../../src/core/wire/relay-leg.ts'
import { expectCode } from '../../helpers/errors.ts'
import { relayed } from '../../helpers/relay-lab.ts'

const CHANNEL = '00ff10a0b1c2d3e4'

function read(reader: LegReader, bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  reader.handleBytes(Buffer.from(bytes))
  for (let one = reader.pollDatagram(); one; one = reader.pollDatagram()) found.push(Uint8Array.from(one))
  return found
}

describe('wire/relay-leg', () => {
  it('looks on the wire as documented', () => {
    expect(Buffer.from(encodeLegFrame(relayed(CHANNEL, 10))).toString('hex')).to.equal(`000a22${CHANNEL}40`)
  })

  it('is read as it was written, however the bytes arrive', () => {
    const sizes = fc.array(fc.integer({ min: 10, max: MAX_RELAYED }), { maxLength: 8 })
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.integer({ min: 1, max: 2_000 })), (all, steps) => {
        const datagrams = all.map((size) => relayed(CHANNEL, size))
        const bytes = Buffer.concat(datagrams.map(encodeLegFrame))
        const reader = new LegReader()
        const found: Uint8Array[] = []
        for (let at = 0; at < bytes.byteLength;) {
          const step = steps.next().value
          found.push(...read(reader, bytes.subarray(at, at + step)))
          at += step
        }
        expect(found).to.deep.equal(datagrams)
      }),
    )
  })

  it('begins with the token', () => {
    const reader = new LegReader()
    const token = Buffer.alloc(16, 7)
    reader.handleBytes(token.subarray(0, 15))
    expect(reader.pollToken()).to.equal(undefined)
    reader.handleBytes(Buffer.concat([token.subarray(15), encodeLegFrame(relayed(CHANNEL))]))
    expect(reader.pollToken()).to.equal('07'.repeat(16))
    expect(reader.pollDatagram()).to.deep.equal(Buffer.from(relayed(CHANNEL)))
    expect(reader.pollDatagram()).to.equal(undefined)
  })

  it('carries nothing but relayed datagrams', () => {
    const framed = (size: number, type = 0x22): Buffer =>
      Buffer.concat([Buffer.of(size >> 8, size & 0xff), Buffer.alloc(size, type)])
    for (const size of [0, 1, 9, MAX_RELAYED + 1, 65_535])
      expectCode(() => read(new LegReader(), framed(size)), 'MSG_ERR_PROTOCOL')
    expectCode(() => read(new LegReader(), framed(100, 0x20)), 'MSG_ERR_PROTOCOL')
    expectCode(() => read(new LegReader(), framed(100, 0x20).subarray(0, 3)), 'MSG_ERR_PROTOCOL')
    expectCode(() => read(new LegReader(), Buffer.of(0xff, 0xff)), 'MSG_ERR_PROTOCOL')
  })
})
