import { expect } from 'chai'
import { encodeStreamName, StreamNameReader } from '../../../src/core/wire/stream-name.ts'
import { expectCode } from '../../helpers/errors.ts'

const rest = Uint8Array.of(1, 2, 3)

describe('wire/stream-name', () => {
  it('is a length and ASCII', () => {
    expect([...encodeStreamName('files/1')]).to.deep.equal([7, ...Buffer.from('files/1')])
  })

  it('is read wherever it is cut, and leaves what follows', () => {
    const bytes = Buffer.concat([encodeStreamName('files/1'), rest])
    for (let first = 0; first <= bytes.byteLength; first++) {
      for (let second = first; second <= bytes.byteLength; second++) {
        const reader = new StreamNameReader()
        const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
        let found: ReturnType<StreamNameReader['handleBytes']>
        const after: number[] = []
        for (const piece of pieces) {
          if (found) after.push(...piece)
          else if ((found = reader.handleBytes(piece))) after.push(...found.rest)
        }
        expect(found?.name).to.equal('files/1')
        expect(after).to.deep.equal([...rest])
      }
    }
  })

  it('may have 48 bytes and no more', () => {
    const name = 'x'.repeat(48)
    expect(new StreamNameReader().handleBytes(encodeStreamName(name))?.name).to.equal(name)
    expectCode(() => new StreamNameReader().handleBytes(Uint8Array.of(49)), 'MSG_ERR_PROTOCOL')
    expectCode(() => new StreamNameReader().handleBytes(Uint8Array.of(0x41, 0x20)), 'MSG_ERR_PROTOCOL')
  })

  it('is refused when it is empty, or of other characters, as soon as that is seen', () => {
    for (const bytes of [[0], [3, 0x20], [3, 0x61, 0x00], [3, 0x61, 0x61, 0xe4], [2, 0x61, 0x0a]])
      expectCode(() => new StreamNameReader().handleBytes(Uint8Array.from(bytes)), 'MSG_ERR_PROTOCOL')
  })
})
