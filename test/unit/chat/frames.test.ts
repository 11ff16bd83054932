import { expect } from 'chai'
import { FrameDecoder } from '../../../src/core/chat/frame-decoder.ts'
import { FrameWriter } from '../../../src/core/chat/frame-writer.ts'
import { MAX_TEXT } from '../../../src/core/chat/frames.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { chatMessage, decodeAll } from '../../helpers/chat.ts'

const failure = (bytes: number[]): string => {
  try {
    decodeAll(Uint8Array.from(bytes))
    return 'accepted'
  } catch (error) {
    return MsgError.is(error) ? error.code : String(error)
  }
}
const written = (fill: (writer: FrameWriter) => void): Uint8Array => {
  const writer = new FrameWriter()
  fill(writer)
  return writer.pending.slice()
}

describe('chat frames', () => {
  it('round-trip in every kind, back to back', () => {
    const room = chatMessage(2, { conversation: { kind: 'room', room: 'лаборатория' }, text: 'zwei\nlines 👋' })
    const bytes = written((w) => {
      w.hello(1)
      w.message(chatMessage(1), Buffer.byteLength(chatMessage(1).text))
      w.message(room, Buffer.byteLength(room.text))
      w.ack(70_000)
      w.refused(3)
    })
    expect(decodeAll(bytes)).to.deep.equal([
      { type: 'hello', version: 1 },
      { type: 'message', message: chatMessage(1), size: 6 },
      { type: 'message', message: room, size: Buffer.byteLength(room.text) },
      { type: 'ack', count: 70_000 },
      { type: 'refused', ordinal: 3 },
    ])
  })

  it('round-trip at every chunk size', () => {
    const bytes = written((w) => {
      w.message(chatMessage(1), 6)
      w.ack(1)
      w.message(chatMessage(2, { text: 'ö'.repeat(100) }), 200)
    })
    for (let chunk = 1; chunk <= bytes.byteLength; chunk++)
      expect(decodeAll(bytes, chunk).map((frame) => frame.type)).to.deep.equal(['message', 'ack', 'message'])
  })

  it('carry the largest text, and the writer grows for it', () => {
    const message = chatMessage(1, { text: 'x'.repeat(MAX_TEXT) })
    const [frame] = decodeAll(
      written((w) => w.message(message, MAX_TEXT)),
      1_000,
    )
    expect(frame).to.deep.equal({ type: 'message', message, size: MAX_TEXT })
  })

  it('are refused before anything is kept when a length is over the limit', () => {
    const decoder = new FrameDecoder()
    decoder.handleBytes(Uint8Array.of(0x02, 0x80, 0x10, 0x00, 0x00))
    expect(() => decoder.pollFrame())
      .to.throw(MsgError)
      .with.property('code', 'MSG_ERR_LIMIT')
  })

  it('are refused when they are not what their type says', () => {
    expect(failure([0x05, 0x00]), 'unknown type').to.equal('MSG_ERR_PROTOCOL')
    expect(failure([0x00]), 'unknown type before its length').to.equal('MSG_ERR_PROTOCOL')
    expect(failure([0x03, 0x00]), 'empty ack').to.equal('MSG_ERR_PROTOCOL')
    expect(failure([0x03, 0x02, 0x01, 0x01]), 'bytes left over').to.equal('MSG_ERR_PROTOCOL')
    expect(failure([0x03, 0x09]), 'long ack').to.equal('MSG_ERR_LIMIT')
    expect(failure([0x02, 0x03, 1, 2, 3]), 'short message').to.equal('MSG_ERR_PROTOCOL')
  })

  it('are refused with a message whose fields are out of range', () => {
    const id = Array<number>(16).fill(7)
    const message = (...rest: number[]): string => failure([0x02, 16 + rest.length, ...id, ...rest])
    expect(message(2, 1, 0x61, 0, 0, 0x61), 'kind').to.equal('MSG_ERR_PROTOCOL')
    expect(message(0, 0, 0, 0, 0x61), 'empty name').to.equal('MSG_ERR_LIMIT')
    expect(message(0, 1, 0xff, 0, 0, 0x61), 'name not UTF-8').to.equal('MSG_ERR_PROTOCOL')
    expect(message(0, 1, 0x61, 0, 0), 'empty text').to.equal('MSG_ERR_LIMIT')
    expect(message(0, 1, 0x61, 0, 0, 0xc3), 'text not UTF-8').to.equal('MSG_ERR_PROTOCOL')
    expect(message(0, 1, 0x61, 0, 0xc0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x61), 'time').to.equal(
      'MSG_ERR_PROTOCOL',
    )
    expect(message(0, 1, 0x61, 0, 0, 0x61), 'a right one').to.equal('accepted')
  })
})

describe('the frame writer', () => {
  it('keeps what the stream did not take', () => {
    const writer = new FrameWriter()
    writer.ack(1)
    writer.ack(2)
    writer.consume(2)
    for (let i = 0; i < 3_000; i++) writer.ack(3)
    writer.consume(1)
    expect(decodeAll(writer.pending)[0]).to.deep.equal({ type: 'ack', count: 2 })
    expect(decodeAll(writer.pending)).to.have.length(3_001)
  })

  it('says when it is full, and is empty after clear', () => {
    const writer = new FrameWriter()
    const message = chatMessage(1, { text: 'x'.repeat(MAX_TEXT) })
    expect(writer.isFull).to.equal(false)
    for (let i = 0; i < 4; i++) writer.message(message, MAX_TEXT)
    expect(writer.isFull).to.equal(true)
    writer.clear()
    expect(writer).to.include({ isFull: false, length: 0 })
  })
})
