import { expect } from 'chai'
import { BlockStreamDecoder, encodeBlockHeader } from '../../../src/core/transfer/block-stream.ts'
import { MAX_BLOCKS } from '../../../src/core/transfer/manifest.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { expectCode } from '../../helpers/errors.ts'
import { decodeBlocks, someHash, transferId } from '../../helpers/transfers.ts'

const LIMIT = 1_000
const id = transferId(1)
const opening = Buffer.from(id, 'hex')
const decoder = (): BlockStreamDecoder => new BlockStreamDecoder(() => LIMIT)
const block = (index: number, length: number): Uint8Array =>
  Buffer.concat([encodeBlockHeader({ index, length, hash: someHash(index) }), Buffer.alloc(length, index)])
const stream = (...blocks: Uint8Array[]): Uint8Array => Buffer.concat([opening, ...blocks])

describe('transfer/block-stream', () => {
  it('hands out blocks in pieces as they come', () => {
    expect(decodeBlocks(decoder(), stream(block(3, 5), block(70, 1)), [16 + 34 + 2])).to.deep.equal([
      { type: 'open', id },
      { type: 'block', index: 3, length: 5, hash: someHash(3) },
      { type: 'bytes', offset: 0, bytes: Uint8Array.of(3, 3) },
      { type: 'bytes', offset: 2, bytes: Uint8Array.of(3, 3, 3) },
      { type: 'end', index: 3 },
      { type: 'block', index: 70, length: 1, hash: someHash(70) },
      { type: 'bytes', offset: 0, bytes: Uint8Array.of(70) },
      { type: 'end', index: 70 },
    ])
  })

  it('finds the same blocks wherever the bytes are cut', () => {
    const bytes = stream(block(0, 7), block(MAX_BLOCKS - 1, LIMIT), block(64, 300))
    const whole = (events: ReturnType<typeof decodeBlocks>): unknown[] => {
      const blocks: unknown[] = []
      let gathered: number[] = []
      for (const event of events) {
        if (event.type === 'bytes') {
          expect(event.offset).to.equal(gathered.length)
          gathered.push(...event.bytes)
        } else blocks.push(event)
        if (event.type === 'end') blocks.push(gathered.splice(0))
      }
      expect((gathered = [])).to.deep.equal([])
      return blocks
    }
    const expected = whole(decodeBlocks(decoder(), bytes))
    expect(expected).to.have.lengthOf(10)
    for (let cut = 1; cut < bytes.byteLength; cut++)
      expect(whole(decodeBlocks(decoder(), bytes, [cut, cut + 1])), `cut at ${cut}`).to.deep.equal(expected)
    expect(whole(decodeBlocks(decoder(), bytes, [...bytes.keys()]))).to.deep.equal(expected)
  })

  it('keeps a header at most, and none of the bytes', () => {
    const one = decoder()
    decodeBlocks(one, stream(block(MAX_BLOCKS - 1, 800), block(2, 999)), [...Array(2_000).keys()], () => {
      expect(one.held).to.be.at.most(48)
    })
  })

  it('hands out views of what it was given', () => {
    const one = decoder()
    const bytes = Uint8Array.from(stream(block(1, 100)))
    one.handleBytes(bytes)
    let event = one.pollEvent()
    while (event && event.type !== 'bytes') event = one.pollEvent()
    expect(event?.bytes.buffer).to.equal(bytes.buffer)
  })

  it('knows when it may end', () => {
    const one = decoder()
    expect(one.isBetweenBlocks, 'before the id').to.equal(false)
    decodeBlocks(one, stream())
    expect(one.isBetweenBlocks, 'after the id').to.equal(true)
    decodeBlocks(one, block(1, 10).subarray(0, 3))
    expect(one.isBetweenBlocks, 'in a header').to.equal(false)
    decodeBlocks(one, block(1, 10).subarray(3, 40))
    expect(one.isBetweenBlocks, 'in a block').to.equal(false)
    decodeBlocks(one, block(1, 10).subarray(40))
    expect(one.isBetweenBlocks, 'after a block').to.equal(true)
  })

  it('refuses a block that is too long before any of its bytes, even before its hash', () => {
    const header = encodeBlockHeader({ index: 0, length: LIMIT + 1, hash: someHash(0) })
    expectCode(() => decodeBlocks(decoder(), stream(header.subarray(0, 3))), 'MSG_ERR_LIMIT')
    expectCode(() => decodeBlocks(decoder(), stream(header), [...Array(60).keys()]), 'MSG_ERR_LIMIT')
  })

  it('refuses blocks without bytes and indices that there are not', () => {
    const bad = (index: number, length: number): Uint8Array =>
      stream(encodeBlockHeader({ index, length, hash: someHash(0) }))
    expectCode(() => decodeBlocks(decoder(), bad(0, 0)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeBlocks(decoder(), bad(MAX_BLOCKS, 1)), 'MSG_ERR_LIMIT')
    expectCode(() => decodeBlocks(decoder(), stream(Buffer.alloc(8, 0xff), block(0, 1))), 'MSG_ERR_PROTOCOL')
  })

  it('lets the error for an unknown transfer through', () => {
    const one = new BlockStreamDecoder((unknown) => {
      throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: unknown })
    })
    expect(expectCode(() => decodeBlocks(one, stream()), 'MSG_ERR_TRANSFER_UNKNOWN').detail).to.equal(id)
  })
})
