import { expect } from 'chai'
import { MsgError } from '../../../src/core/errors.ts'
import { EventHub } from '../../../src/core/io/event-hub.ts'
import { EventQueue } from '../../../src/core/io/event-queue.ts'
import { expectRejects } from '../../helpers/errors.ts'

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('io/event-queue', () => {
  it('hands out events in order, those before the first next included', async () => {
    const queue = new EventQueue<number>()
    for (let i = 0; i < 3_000; i++) queue.push(i)
    const first = await queue.next()
    queue.push(3_000)
    queue.end()
    queue.push(9)
    expect(first.value).to.equal(0)
    expect(await collect(queue)).to.deep.equal(Array.from({ length: 3_000 }, (_, i) => i + 1))
  })

  it('answers consumers that wait, in their order', async () => {
    const queue = new EventQueue<string>()
    const waiting = [queue.next(), queue.next(), queue.next()]
    queue.push('a')
    queue.push('b')
    queue.end()
    expect(await Promise.all(waiting)).to.deep.equal([
      { done: false, value: 'a' },
      { done: false, value: 'b' },
      { done: true, value: undefined },
    ])
  })

  it('ends with MSG_ERR_LIMIT, once, after what it could hold', async () => {
    let closed = 0
    const queue = new EventQueue<number>({ capacity: 2, onClosed: () => closed++ })
    for (let i = 0; i < 5; i++) queue.push(i)
    expect(closed).to.equal(1)
    expect((await queue.next()).value).to.equal(0)
    expect((await queue.next()).value).to.equal(1)
    await expectRejects(queue.next(), 'MSG_ERR_LIMIT')
    expect((await queue.next()).done).to.equal(true)
  })

  it('tells the error to one waiting consumer and the end to the others', async () => {
    const queue = new EventQueue<number>()
    const [first, second] = [queue.next(), queue.next()]
    queue.end(new MsgError('MSG_ERR_CONNECTION_CLOSED'))
    await expectRejects(first, 'MSG_ERR_CONNECTION_CLOSED')
    expect((await second).done).to.equal(true)
    expect((await queue.next()).done).to.equal(true)
  })

  it('drops what is queued when the consumer stops', async () => {
    let closed = 0
    const queue = new EventQueue<number>({ onClosed: () => closed++ })
    queue.push(1)
    queue.push(2)
    for await (const _ of queue) break
    queue.push(3)
    expect((await queue.next()).done).to.equal(true)
    expect(closed).to.equal(1)
  })
})

describe('io/event-hub', () => {
  it('tells every consumer what happens while it listens', async () => {
    const hub = new EventHub<number>()
    const early = hub.subscribe()
    hub.publish(1)
    const late = hub.subscribe()
    hub.publish(2)
    hub.close()
    hub.publish(3)
    expect(await collect(early)).to.deep.equal([1, 2])
    expect(await collect(late)).to.deep.equal([2])
    expect(await collect(hub.subscribe())).to.deep.equal([])
  })

  it('goes on for the others when one stops or falls behind', async () => {
    const hub = new EventHub<number>(2)
    const slow = hub.subscribe()
    const quick = hub.subscribe()
    for (let i = 0; i < 4; i++) {
      hub.publish(i)
      expect((await quick.next()).value).to.equal(i)
    }
    await slow.next()
    await slow.next()
    await expectRejects(slow.next(), 'MSG_ERR_LIMIT')
  })
})
