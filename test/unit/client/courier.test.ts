import { expect } from 'chai'
import { ERRORS } from '../../../src/core/errors.ts'
import { chatMessage } from '../../helpers/chat.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { LoneCourier, turns } from '../../helpers/lone-courier.ts'
import { PlayedLink } from '../../helpers/played-link.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('the courier', () => {
  const temp = useTempDir()
  const timers = useFakeTimers()
  let alice: LoneCourier
  beforeEach(() => {
    alice = new LoneCourier(temp())
  })
  afterEach(() => alice.close())
  /** Bob is linked and the session with him is open. */
  const talking = (over: { isInitiator?: boolean } = {}): PlayedLink => {
    alice.courier.outbox.addLane('b1', 'bob')
    alice.courier.outbox.openThread('bob', 's:bob')
    return new PlayedLink(alice.courier, {}, over)
  }

  it('greets first, and answers sent when the message is on a link', async () => {
    const bob = talking()
    expect(await alice.send('hi')).to.deep.include({ state: 'sent', to: { kind: 'session', user: 'bob' } })
    expect(bob.frames().map(({ type }) => type)).to.deep.equal(['hello', 'message'])
    await turns()
    expect(alice.told('message.sent')).to.have.length(1)
  })

  it('answers queued when it is not, and sends when a link is there', async () => {
    alice.courier.outbox.addLane('b1', 'bob')
    alice.courier.outbox.openThread('bob', 's:bob')
    expect(await alice.send('hi')).to.include({ state: 'queued' })
    const bob = new PlayedLink(alice.courier)
    await turns()
    expect(bob.texts()).to.deep.equal(['hi'])
  })

  it('waits for the first bytes of a link that the other side called', async () => {
    const bob = talking({ isInitiator: false })
    expect(await alice.send('hi')).to.include({ state: 'queued' })
    bob.say(() => {}, { hello: true })
    await turns()
    expect(bob.texts()).to.deep.equal(['hi'])
  })

  it('settles at once when asked to: what was acknowledged in this very turn is told before the end', async () => {
    const bob = talking()
    const { id } = await alice.send('hi')
    bob.say((frames) => frames.ack(1), { hello: true })
    alice.courier.settle()
    alice.courier.close()
    await turns()
    expect(alice.told('message.delivered').map((event) => event.id)).to.deep.equal([id])
  })

  it('counts what is delivered, and how long it took', async () => {
    const bob = talking()
    const { id } = await alice.send('hi')
    await alice.send('ho')
    expect(alice.courier.waiting).to.equal(2)
    bob.say((frames) => frames.ack(1), { hello: true })
    await turns()
    expect(alice.told('message.delivered').map((event) => [event.id, event.to, event.room])).to.deep.equal([
      [id, 'bob', null],
    ])
    expect(alice.told('message.delivered')[0]!.latencyMs).to.be.at.least(0)
    expect(alice.courier.waiting).to.equal(1)
    expect(alice.state.outbox.load([1]).map(({ message }) => message.text)).to.deep.equal(['ho'])
  })

  it('sends a refused message again after a while, until it is taken', async () => {
    const bob = talking()
    await alice.send('hi')
    bob.say((frames) => (frames.refused(1), frames.ack(1)), { hello: true })
    await turns()
    expect(bob.texts()).to.deep.equal(['hi'])
    expect(alice.courier.waiting).to.equal(1)
    timers.tick(2_000)
    await turns()
    expect(bob.texts()).to.deep.equal(['hi', 'hi'])
    bob.say((frames) => frames.ack(2))
    await turns()
    expect(alice.told('message.delivered')).to.have.length(1)
    expect(alice.told('warning')).to.deep.equal([])
    expect(alice.courier.waiting).to.equal(0)
  })

  it('says at the third refusal that a message is not taken', async () => {
    const bob = talking()
    await alice.send('hi')
    for (const [i, seconds] of [2, 4, 8].entries()) {
      bob.say((frames) => (frames.refused(i + 1), frames.ack(i + 1)), { hello: i === 0 })
      await turns()
      timers.tick(seconds * 1_000)
      await turns()
    }
    expect(bob.texts()).to.deep.equal(['hi', 'hi', 'hi', 'hi'])
    expect(alice.told('warning').map(({ code }) => code)).to.deep.equal(['MSG_ERR_NOT_DELIVERED'])
  })

  it('keeps a refused message while the conversation is closed, and sends it when it opens', async () => {
    const bob = talking()
    await alice.send('hi')
    bob.say((frames) => (frames.refused(1), frames.ack(1)), { hello: true })
    await turns()
    alice.courier.outbox.closeThread('bob', 's:bob')
    timers.tick(2_000)
    await turns()
    expect(bob.texts()).to.deep.equal(['hi'])
    alice.courier.outbox.openThread('bob', 's:bob')
    alice.courier.schedule()
    await turns()
    expect(bob.texts()).to.deep.equal(['hi', 'hi'])
  })

  it('writes no more than the stream takes, and goes on when it is writable', async () => {
    const bob = talking()
    bob.room = 30
    await alice.send('a text of some length that does not fit')
    await alice.send('second')
    expect(bob.texts()).to.deep.equal([])
    bob.writable()
    await turns()
    expect(bob.texts()).to.deep.equal(['a text of some length that does not fit', 'second'])
  })

  it('acknowledges what it has stored, then tells it, once', async () => {
    const bob = talking()
    const message = chatMessage(1, { conversation: { kind: 'session', user: 'alice' } })
    bob.say((frames) => (frames.message(message, 6), frames.message(message, 6)), { hello: true })
    await turns()
    expect(bob.frames().filter(({ type }) => type === 'ack')).to.deep.equal([{ type: 'ack', count: 2 }])
    expect(alice.told('message').map(({ text, from }) => [from, text])).to.deep.equal([['bob', 'text 1']])
  })

  it('tells after a crash what was received and not taken', async () => {
    const silent = new LoneCourier(`${temp()}/second`, { isHeard: false })
    const bob = new PlayedLink(silent.courier)
    bob.say((frames) => frames.message(chatMessage(1), 6), { hello: true })
    await turns()
    silent.close()
    const again = new LoneCourier(`${temp()}/second`)
    await turns()
    expect(again.told('message').map(({ text }) => text)).to.deep.equal(['text 1'])
    again.close()
    const later = new LoneCourier(`${temp()}/second`)
    await turns()
    expect(later.told('message')).to.deep.equal([])
    later.close()
  })

  it('breaks off with who breaks the rules, says so once, and listens no more', async () => {
    for (const [says, code] of [
      [(bob: PlayedLink) => bob.say((frames) => frames.ack(1), { hello: true }), 'MSG_ERR_PROTOCOL'],
      [(bob: PlayedLink) => bob.say((frames) => frames.ack(0)), 'MSG_ERR_PROTOCOL'],
      [(bob: PlayedLink) => bob.say((frames) => frames.hello(99)), 'MSG_ERR_VERSION'],
      [(bob: PlayedLink) => bob.say((frames) => frames.hello(1), { hello: true }), 'MSG_ERR_PROTOCOL'],
      [(bob: PlayedLink) => bob.say(() => {}, { hello: true, stream: 4 }), 'MSG_ERR_PROTOCOL'],
    ] as const) {
      const bob = talking()
      const before = alice.told('warning').length
      says(bob)
      bob.say(() => {}, { hello: true })
      await turns()
      expect(bob.closed).to.deep.equal([{ code: (ERRORS[code] as { wire?: number }).wire, reason: 'chat' }])
      expect(alice.told('warning').slice(before)).to.have.length(1)
      expect(alice.told('warning').at(-1)).to.include({ code })
    }
  })

  it('sends again on a new link what the old one took with it', async () => {
    const bob = talking()
    await alice.send('hi')
    bob.say((frames) => frames.ack(0), { hello: true })
    alice.courier.handleClosed('b1')
    alice.courier.handleClosed('b1')
    const again = new PlayedLink(alice.courier)
    await turns()
    expect(again.texts()).to.deep.equal(['hi'])
  })

  it('listens to the newest link of a connection only', async () => {
    const old = talking()
    await alice.send('hi')
    const again = new PlayedLink(alice.courier)
    old.say((frames) => frames.ack(1), { hello: true })
    await turns()
    expect(alice.courier.waiting).to.equal(1)
    expect(again.texts()).to.deep.equal(['hi'])
    again.say((frames) => frames.ack(1), { hello: true })
    await turns()
    expect(alice.courier.waiting).to.equal(0)
    expect(alice.told('message.delivered')).to.have.length(1)
  })

  it('makes senders to somebody who is linked wait when too much is under way', async () => {
    const bob = talking()
    let settled = 0
    for (let i = 0; i < 16_390; i++) void alice.send('x').then(() => settled++)
    await turns(40)
    expect(settled).to.equal(16_384)
    const sent = bob.texts().length
    bob.say((frames) => frames.ack(sent), { hello: true })
    await turns(10)
    expect(settled).to.equal(16_390)
    expect(alice.courier.waiting).to.equal(16_390 - sent)
  })

  it('tries a refused message no more once it is closed', async () => {
    const bob = talking()
    await alice.send('hi')
    bob.say((frames) => (frames.refused(1), frames.ack(1)), { hello: true })
    await turns()
    expect(timers.waiting).to.equal(1)
    alice.courier.close()
    expect(timers.waiting).to.equal(0)
  })

  it('copies what was said to its own other connections', async () => {
    talking()
    alice.courier.outbox.addLane('a2', 'alice')
    const elsewhere = new PlayedLink(alice.courier, { instance: 'a2', user: 'alice', isOwn: true })
    await alice.send('hi')
    expect(elsewhere.texts()).to.deep.equal(['hi'])
    elsewhere.say((frames) => frames.ack(1), { hello: true })
    await turns()
    expect(alice.told('message.delivered')).to.deep.equal([])
    expect(alice.courier.waiting).to.equal(1)
  })

  it('fails sends when the database fails, and lets the links start over', async () => {
    const bob = talking()
    alice.state.commit = () => {
      throw new Error('disk full')
    }
    await expectRejects(alice.send('hi'), 'MSG_ERR_INTERNAL')
    await turns()
    expect(bob.closed).to.have.length(1)
    expect(bob.texts()).to.deep.equal([])
    expect(alice.courier.waiting).to.equal(0)
  })

  it('waits until what was sent is acknowledged, until time is over, or until it is called off', async () => {
    const bob = talking()
    await alice.send('hi')
    const over: string[] = []
    const abort = new AbortController()
    const isDone = (): boolean => alice.courier.waiting === 0
    void alice.courier.until(isDone, undefined).then(() => over.push('done'))
    void alice.courier.until(isDone, 100).then(() => over.push('late'))
    void alice.courier.until(isDone, undefined, abort.signal).then(() => over.push('aborted'))
    await turns()
    expect(over).to.deep.equal([])
    timers.tick(100)
    await turns()
    abort.abort()
    await turns()
    bob.say((frames) => frames.ack(1), { hello: true })
    await turns()
    expect(over).to.deep.equal(['late', 'aborted', 'done'])
    await alice.courier.until(isDone, undefined, abort.signal)
  })

  it('takes nothing once it is closed, and keeps what it has', async () => {
    const sending = alice.send('last')
    alice.courier.close()
    expect(await sending).to.include({ state: 'queued' })
    await expectRejects(alice.send('later'), 'MSG_ERR_NOT_CONNECTED')
    expect(alice.state.outbox.load([1]).map(({ message }) => message.text)).to.deep.equal(['last'])
  })
})
