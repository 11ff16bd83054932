import { expect } from 'chai'
import { DeliveryWatch } from '../../../../src/cli/client/delivery-watch.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import type { SentMessage } from '../../../../src/core/client/api.ts'
import { useFakeTimers } from '../../../helpers/fake-timers.ts'

describe('the delivery watch', () => {
  const timers = useFakeTimers()
  let lines: string[]
  let linked: string[]
  let watch: DeliveryWatch
  beforeEach(() => {
    lines = []
    linked = []
    watch = new DeliveryWatch({
      say: (more) => lines.push(...more),
      isLinked: (user) => linked.includes(user),
      palette: palette(false),
    })
  })
  const send = (id: string, recipients = ['bob'], over: Partial<SentMessage> = {}): void =>
    watch.handleSent({ id, state: 'sent', to: { kind: 'session', user: recipients[0]! }, recipients, ...over })
  const sendToRoom = (id: string, ...recipients: string[]): void =>
    send(id, recipients, { to: { kind: 'room', room: 'lab' } })
  const deliver = (id: string, to = 'bob', latencyMs = 1): void =>
    watch.handleEvent({ type: 'message.delivered', id, to, room: null, latencyMs })

  it('says nothing of quick deliveries', () => {
    send('1')
    send('2', ['bob'], { state: 'delivered' })
    timers.tick(1_999)
    deliver('1')
    timers.tick(10_000)
    expect(lines).to.deep.equal([])
  })

  it('says after two seconds that a message waits, and later that it arrived', () => {
    send('1')
    timers.tick(2_000)
    expect(lines).to.deep.equal(['Not delivered yet: waits until bob is linked.'])
    deliver('1', 'bob', 65_000)
    timers.tick(200)
    expect(lines.slice(1)).to.deep.equal(['Delivered to bob after 65 s.'])
    expect(timers.waiting).to.equal(0)
  })

  it('does not speak of a missing link where there is one', () => {
    linked = ['bob']
    send('1')
    timers.tick(2_000)
    expect(lines).to.deep.equal(['Not delivered yet: no acknowledgement from bob.'])
  })

  it('says once that somebody keeps messages waiting, and once that they have them all', () => {
    for (const id of ['1', '2', '3']) send(id)
    timers.tick(5_000)
    send('4')
    timers.tick(5_000)
    expect(lines).to.have.length(1)
    for (const id of ['1', '2', '3', '4']) deliver(id, 'bob', 10_000 - Number(id))
    timers.tick(200)
    expect(lines.slice(1)).to.deep.equal(['Delivered to bob: 4 messages after up to 10 s.'])
  })

  it('says it again when somebody was caught up with and falls behind again', () => {
    send('1')
    timers.tick(2_000)
    deliver('1', 'bob', 3_000)
    timers.tick(200)
    send('2')
    timers.tick(2_000)
    expect(lines.filter((line) => line.startsWith('Not delivered'))).to.have.length(2)
  })

  it('names the members of a room that wait, a few of them', () => {
    sendToRoom('1', 'bob', 'eve')
    timers.tick(2_000)
    sendToRoom('2', 'bob', 'eve', 'dan')
    deliver('2', 'eve')
    timers.tick(2_000)
    sendToRoom('3', 'f', 'g', 'h', 'i')
    timers.tick(2_000)
    expect(lines).to.deep.equal([
      'Not delivered yet: waits until bob and eve are linked.',
      'Not delivered yet: waits until dan is linked.',
      'Not delivered yet: waits until f, g and 2 others are linked.',
    ])
  })

  it('tells the linked of a room from the others', () => {
    linked = ['eve']
    sendToRoom('1', 'bob', 'eve')
    timers.tick(2_000)
    expect(lines).to.deep.equal([
      'Not delivered yet: waits until bob is linked.',
      'Not delivered yet: no acknowledgement from eve.',
    ])
  })

  it('speaks of what an earlier run left waiting only when it arrives', () => {
    deliver('old', 'bob', 3_600_000)
    deliver('quick', 'bob', 5)
    timers.tick(200)
    expect(lines).to.deep.equal(['Delivered to bob after 3,600 s.'])
  })

  it('forgets who left the room, rooms that closed, and everything at the end', () => {
    sendToRoom('1', 'bob', 'eve')
    watch.handleEvent({ type: 'room.left', room: 'other', user: 'bob' })
    watch.handleEvent({ type: 'room.left', room: 'lab', user: 'bob' })
    timers.tick(2_000)
    expect(lines).to.deep.equal(['Not delivered yet: waits until eve is linked.'])
    sendToRoom('2', 'dan')
    watch.handleEvent({ type: 'room.closed', room: 'lab', reason: 'closed' })
    timers.tick(2_000)
    send('3')
    watch.handleEvent({ type: 'disconnected', reason: 'closed' })
    expect(timers.waiting).to.equal(0)
    timers.tick(10_000)
    expect(lines).to.have.length(1)
  })

  it('escapes names', () => {
    send('1', ['b\u001b[2J'])
    timers.tick(2_000)
    deliver('1', 'b\u001b[2J', 9_000)
    timers.tick(200)
    expect(lines).to.have.length(2)
    expect(lines.join('')).not.to.contain('\u001b')
  })
})
