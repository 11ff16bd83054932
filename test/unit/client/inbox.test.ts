import { expect } from 'chai'
import { WINDOW } from '../../../src/core/chat/chat-sender.ts'
import { chatMessage } from '../../helpers/chat.ts'
import { LoneCourier, turns } from '../../helpers/lone-courier.ts'
import { PlayedLink } from '../../helpers/played-link.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('the inbox', () => {
  const temp = useTempDir()
  const timers = useFakeTimers()
  const clock = performance.now.bind(performance)
  let offset: number
  let alice: LoneCourier
  beforeEach(() => {
    offset = 0
    performance.now = () => clock() + offset
    alice = new LoneCourier(temp())
  })
  afterEach(() => {
    alice.close()
    performance.now = clock
  })
  const pass = async (ms: number): Promise<void> => {
    offset += ms
    timers.tick(ms)
    await turns()
  }
  const texts = (): string[] => alice.told('message').map(({ text }) => text)
  const answers = (link: PlayedLink) => link.frames().filter(({ type }) => type === 'ack' || type === 'refused')
  const toAlice = (n: number) => chatMessage(n, { conversation: { kind: 'session', user: 'alice' } })

  it('holds a message whose conversation is not open yet, and takes it when it is', async () => {
    alice.admission = () => false
    const bob = new PlayedLink(alice.courier)
    bob.say((frames) => (frames.message(toAlice(1), 6), frames.message(toAlice(2), 6)), { hello: true })
    await turns()
    await pass(3_000)
    expect([texts(), answers(bob)]).to.deep.equal([[], []])
    alice.admission = () => true
    await pass(1_000)
    expect(texts()).to.deep.equal(['text 1', 'text 2'])
    expect(answers(bob)).to.deep.equal([{ type: 'ack', count: 2 }])
  })

  it('refuses it after five seconds, by its number, and tells nobody', async () => {
    alice.admission = (_peer, { text }) => text === 'text 2'
    const bob = new PlayedLink(alice.courier)
    bob.say((frames) => (frames.message(toAlice(1), 6), frames.message(toAlice(2), 6)), { hello: true })
    await turns()
    for (let i = 0; i < 5; i++) await pass(1_000)
    expect(answers(bob)).to.deep.equal([
      { type: 'refused', ordinal: 1 },
      { type: 'ack', count: 2 },
    ])
    expect(texts()).to.deep.equal(['text 2'])
  })

  it('takes a message that was refused before when it comes again', async () => {
    alice.admission = () => false
    const bob = new PlayedLink(alice.courier)
    bob.say((frames) => frames.message(toAlice(1), 6), { hello: true })
    await turns()
    for (let i = 0; i < 5; i++) await pass(1_000)
    alice.admission = () => true
    bob.say((frames) => frames.message(toAlice(1), 6))
    await turns()
    expect(texts()).to.deep.equal(['text 1'])
  })

  it('holds up only the link that the message came on', async () => {
    alice.admission = ({ user }) => user !== 'bob'
    const bob = new PlayedLink(alice.courier)
    const eve = new PlayedLink(alice.courier, { instance: 'e1', user: 'eve', device: 8 })
    bob.say((frames) => frames.message(toAlice(1), 6), { hello: true })
    eve.say((frames) => frames.message(toAlice(2), 6), { hello: true })
    await turns()
    expect(texts()).to.deep.equal(['text 2'])
    expect(answers(eve)).to.have.length(1)
  })

  it('gives every message that is held its own five seconds', async () => {
    const open = new Set<string>()
    alice.admission = (_peer, { text }) => open.has(text)
    const bob = new PlayedLink(alice.courier)
    bob.say((frames) => frames.message(toAlice(1), 6), { hello: true })
    await turns()
    for (let i = 0; i < 4; i++) await pass(1_000)
    open.add('text 1')
    await pass(500)
    bob.say((frames) => frames.message(toAlice(2), 6))
    await turns()
    for (let i = 0; i < 4; i++) await pass(1_000)
    expect(answers(bob)).to.deep.equal([{ type: 'ack', count: 1 }])
    await pass(1_000)
    expect(answers(bob).at(1)).to.deep.equal({ type: 'refused', ordinal: 2 })
  })

  it('says who wrote, whatever the message claims, and where', async () => {
    const eve = new PlayedLink(alice.courier, { instance: 'e1', user: 'eve', device: 8 })
    const own = new PlayedLink(alice.courier, { instance: 'a2', user: 'alice', device: 1, isOwn: true })
    eve.say((frames) => frames.message(chatMessage(1, { conversation: { kind: 'session', user: 'mallory' } }), 6), {
      hello: true,
    })
    await turns()
    eve.say((frames) => frames.message(chatMessage(2, { conversation: { kind: 'room', room: 'lab' } }), 6))
    await turns()
    own.say((frames) => frames.message(chatMessage(3), 6), { hello: true })
    await turns()
    expect(
      alice.told('message').map(({ from, with: user, room, own: isOwn }) => [from, user, room, isOwn]),
    ).to.deep.equal([
      ['eve', 'eve', null, false],
      ['eve', null, 'lab', false],
      ['alice', 'bob', null, true],
    ])
  })

  it('breaks off with who sends more than the window while a message is held', async () => {
    alice.admission = () => false
    const bob = new PlayedLink(alice.courier)
    bob.say(() => {}, { hello: true })
    bob.say((frames) => {
      for (let n = 0; n <= WINDOW.messages; n++) frames.message(toAlice(n), 6)
    })
    await turns()
    expect(bob.closed).to.have.length(1)
    expect(alice.told('warning').map(({ code }) => code)).to.deep.equal(['MSG_ERR_LIMIT'])
  })
})
