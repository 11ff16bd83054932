import { expect } from 'chai'
import { FrameWriter } from '../../../src/core/chat/frame-writer.ts'
import type { ChatFrame } from '../../../src/core/chat/frames.ts'
import { ChatLink } from '../../../src/core/client/chat-link.ts'
import type { Link } from '../../../src/core/transport/endpoint-api.ts'
import { chatMessage, decodeAll } from '../../helpers/chat.ts'
import { expectCode } from '../../helpers/errors.ts'

const rig = (isInitiator = true) => {
  const written: Buffer[] = []
  const world = { room: Infinity }
  const link = {
    isInitiator,
    openStream: () => 8,
    write: (stream: number, bytes: Uint8Array) => {
      expect(stream).to.equal(8)
      const taken = Math.min(world.room, bytes.byteLength)
      written.push(Buffer.from(bytes.subarray(0, taken)))
      world.room -= taken
      return taken
    },
  } as unknown as Link
  const peer = { instance: 'b1', user: 'bob', deviceKey: '', device: 1, isOwn: false }
  const chat = new ChatLink(link, peer)
  const frames: ChatFrame[] = []
  const hear = (write: (out: FrameWriter) => void, stream = 8): void => {
    const out = new FrameWriter()
    write(out)
    chat.handleData(stream, out.pending, (frame) => frames.push(frame))
  }
  const types = (): string[] => decodeAll(Buffer.concat(written)).map(({ type }) => type)
  return { chat, world, frames, hear, types }
}

describe('the chat stream of a link', () => {
  it('begins with a greeting of the side that called', () => {
    const { chat, types } = rig()
    chat.flush()
    expect(types()).to.deep.equal(['hello'])
    chat.flush()
    expect(types(), 'once').to.deep.equal(['hello'])
  })

  it('takes nothing on the other side until the stream is there', () => {
    const { chat, hear, types } = rig(false)
    expect(chat.out).to.equal(undefined)
    chat.flush()
    expect(types()).to.deep.equal([])
    hear((out) => out.hello(1))
    chat.out!.ack(0)
    chat.flush()
    expect(types()).to.deep.equal(['hello', 'ack'])
  })

  it('hands out frames after the greeting', () => {
    const { hear, frames } = rig()
    hear((out) => (out.hello(1), out.message(chatMessage(1), 6), out.ack(3), out.refused(2)))
    expect(frames.map(({ type }) => type)).to.deep.equal(['message', 'ack', 'refused'])
  })

  it('refuses a second greeting, a missing one, another version and another stream', () => {
    expectCode(() => rig().hear((out) => (out.hello(1), out.hello(1))), 'MSG_ERR_PROTOCOL')
    expectCode(() => rig().hear((out) => out.ack(0)), 'MSG_ERR_PROTOCOL')
    expectCode(() => rig().hear((out) => out.hello(2)), 'MSG_ERR_VERSION')
    const { hear } = rig()
    hear((out) => out.hello(1))
    expectCode(() => hear((out) => out.ack(0), 12), 'MSG_ERR_PROTOCOL')
  })

  it('takes no more frames while the stream is full, and loses none', () => {
    const { chat, world, types } = rig()
    chat.flush()
    world.room = 10
    chat.out!.message(chatMessage(1), 6)
    chat.flush()
    expect(chat.out).to.equal(undefined)
    world.room = Infinity
    chat.flush()
    expect(types(), 'not before the stream says so').to.deep.equal(['hello'])
    chat.handleWritable()
    expect(chat.out).to.not.equal(undefined)
    chat.flush()
    expect(types()).to.deep.equal(['hello', 'message'])
  })
})
