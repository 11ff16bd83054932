import { expect } from 'chai'
import { ChatReceiver } from '../../../src/core/chat/chat-receiver.ts'
import { ChatSender, WINDOW } from '../../../src/core/chat/chat-sender.ts'
import { MsgError } from '../../../src/core/errors.ts'

const code = (act: () => void): string | undefined => {
  try {
    act()
  } catch (error) {
    return MsgError.is(error) ? error.code : String(error)
  }
  return undefined
}

describe('the chat sender', () => {
  const sender = (...items: string[]): ChatSender<string> => {
    const made = new ChatSender<string>()
    for (const item of items) made.handleSent(item, 10)
    return made
  }

  it('gives back what a cumulative count covers, once and in order', () => {
    const s = sender('a', 'b', 'c')
    expect(s.handleAck(2).map(({ item }) => item)).to.deep.equal(['a', 'b'])
    expect(s.handleAck(2)).to.deep.equal([])
    expect(s.inFlight).to.equal(1)
    expect(s.drain()).to.deep.equal(['c'])
  })

  it('has room again for what was acknowledged', () => {
    const s = new ChatSender<number>()
    for (let i = 0; i < 4; i++) s.handleSent(i, WINDOW.bytes / 4)
    expect(s.hasWindow).to.equal(false)
    s.handleAck(1)
    expect(s.hasWindow).to.equal(true)
  })

  it('marks the refused among the acknowledged', () => {
    const s = sender('a', 'b', 'c')
    s.handleRefused(2)
    expect(s.handleAck(3).map(({ isRefused }) => isRefused)).to.deep.equal([false, true, false])
  })

  it('refuses counts that were never sent or go back', () => {
    const s = sender('a', 'b')
    s.handleAck(1)
    expect(code(() => s.handleAck(3))).to.equal('MSG_ERR_PROTOCOL')
    expect(code(() => s.handleAck(0))).to.equal('MSG_ERR_PROTOCOL')
    expect(code(() => s.handleRefused(1))).to.equal('MSG_ERR_PROTOCOL')
    expect(code(() => s.handleRefused(3))).to.equal('MSG_ERR_PROTOCOL')
    expect(code(() => s.handleRefused(2))).to.equal(undefined)
  })

  it('closes its window at the limits and opens it with acknowledgements', () => {
    const s = new ChatSender<number>()
    for (let i = 0; i < WINDOW.messages; i++) s.handleSent(i, 1)
    expect(s.hasWindow).to.equal(false)
    s.handleAck(1)
    expect(s.hasWindow).to.equal(true)
    s.handleSent(0, WINDOW.bytes)
    expect(s.hasWindow).to.equal(false)
  })
})

describe('the chat receiver', () => {
  it('acknowledges what was taken with one count', () => {
    const r = new ChatReceiver<string>()
    r.handleMessage('a', 1)
    r.handleMessage('b', 1)
    expect(r.pollAck()).to.equal(undefined)
    expect(r.peek()).to.equal('a')
    expect([r.take(), r.take()]).to.deep.equal([1, 2])
    expect(r.pollAck()).to.equal(2)
    expect(r.pollAck()).to.equal(undefined)
  })

  it('breaks off when the sender overruns the window', () => {
    const r = new ChatReceiver<number>()
    for (let i = 0; i < WINDOW.messages; i++) r.handleMessage(i, 1)
    expect(code(() => r.handleMessage(0, 1))).to.equal('MSG_ERR_LIMIT')
    const big = new ChatReceiver<number>()
    expect(code(() => big.handleMessage(0, 2 * WINDOW.bytes))).to.equal('MSG_ERR_LIMIT')
  })
})
