import { expect } from 'chai'
import { StreamEvents, type StreamEvent } from '../../../../src/core/transport/streams/stream-events.ts'

const data = (stream: number, byte: number): StreamEvent => ({
  type: 'data',
  stream,
  bytes: Uint8Array.of(byte),
  fin: false,
})
const all = (events: StreamEvents): StreamEvent[] => {
  const polled: StreamEvent[] = []
  for (let event = events.poll(); event; event = events.poll()) polled.push(event)
  return polled
}

describe('transport/streams/stream-events', () => {
  it('tells events in their order, each once', () => {
    const events = new StreamEvents()
    const pushed: StreamEvent[] = [data(0, 1), { type: 'writable', stream: 2 }, data(0, 2)]
    events.push(pushed[0]!)
    events.push(...pushed.slice(1))
    expect(all(events)).to.deep.equal(pushed)
    expect(events.poll()).to.equal(undefined)
    events.push(data(4, 3))
    expect(all(events)).to.deep.equal([data(4, 3)])
  })

  it('takes out what one stream has to say, and only what was not told', () => {
    const events = new StreamEvents()
    events.push(data(0, 1), data(4, 1), data(0, 2), { type: 'reset', stream: 0, code: 7 }, data(0, 3))
    events.poll()
    expect(events.takeData(0)).to.deep.equal([data(0, 2), data(0, 3)])
    expect(all(events)).to.deep.equal([data(4, 1), { type: 'reset', stream: 0, code: 7 }])
  })

  it('knows of a reset until it is told', () => {
    const events = new StreamEvents()
    events.push({ type: 'stop', stream: 4, code: 1 }, { type: 'reset', stream: 0, code: 7 })
    expect([events.hasReset(0), events.hasReset(4)]).to.deep.equal([true, false])
    all(events)
    expect(events.hasReset(0)).to.equal(false)
  })
})
