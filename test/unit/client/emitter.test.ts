import { expect } from 'chai'
import type { ClientEvent } from '../../../src/core/client/api.ts'
import { Emitter } from '../../../src/core/client/emitter.ts'
import type { SeenMark } from '../../../src/core/client/profile/history.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { turns } from '../../helpers/lone-courier.ts'

const event = (message: string): ClientEvent => ({ type: 'warning', code: 'x', message })
const mark = (row: number): SeenMark => ({ slot: 1, table: 'history', row })

describe('the emitter', () => {
  const timers = useFakeTimers()
  const rig = () => {
    const seen: number[] = []
    return { seen, emitter: new Emitter(({ row }) => seen.push(row)) }
  }

  it('tells everybody everything from when they began to listen', async () => {
    const { emitter } = rig()
    emitter.emit({ type: 'disconnected', reason: 'before' })
    const [one, two] = [emitter.events(), emitter.events()]
    emitter.emit(event('a'))
    expect((await one.next()).value).to.include({ message: 'a' })
    expect((await two.next()).value).to.include({ message: 'a' })
  })

  it('keeps what plugins and warnings said before anybody could listen, for the first who does', async () => {
    const { emitter } = rig()
    emitter.emit(event('before'))
    const [one, two] = [emitter.events(), emitter.events()]
    emitter.emit(event('a'))
    expect((await one.next()).value).to.include({ message: 'before' })
    expect((await two.next()).value).to.include({ message: 'a' })
  })

  it('counts a message as seen when the first takes it, not when it is told', async () => {
    const { emitter, seen } = rig()
    const [one, two] = [emitter.events(), emitter.events()]
    emitter.emit(event('a'), mark(1))
    emitter.emit(event('b'), mark(2))
    expect(seen).to.deep.equal([])
    await one.next()
    await two.next()
    expect(seen).to.deep.equal([1])
  })

  it('counts nothing as seen that nobody listened to', async () => {
    const { emitter, seen } = rig()
    emitter.emit(event('a'), mark(1))
    await emitter.drained(1_000)
    expect(seen).to.deep.equal([])
  })

  it('is drained when the last message is taken', async () => {
    const { emitter } = rig()
    const events = emitter.events()
    emitter.emit(event('a'), mark(1))
    let isDrained = false
    void emitter.drained(1_000).then(() => (isDrained = true))
    await turns()
    expect(isDrained).to.equal(false)
    await events.next()
    await turns()
    expect(isDrained).to.equal(true)
    expect(timers.waiting).to.equal(0)
  })

  it('is drained when the last listener goes, or when it took too long', async () => {
    const { emitter } = rig()
    const [one, two] = [emitter.events(), emitter.events()]
    emitter.emit(event('a'), mark(1))
    let drained = 0
    void emitter.drained(1_000).then(() => drained++)
    await one.return!()
    await one.return!()
    await turns()
    expect(drained, 'one is left').to.equal(0)
    await two.return!()
    await turns()
    expect(drained).to.equal(1)
    const late = rig()
    late.emitter.events()
    late.emitter.emit(event('a'), mark(1))
    void late.emitter.drained(1_000).then(() => drained++)
    timers.tick(1_000)
    await turns()
    expect(drained).to.equal(2)
  })

  it('ends its listeners when it closes, after what it told', async () => {
    const { emitter } = rig()
    const events = emitter.events()
    emitter.emit(event('last'))
    emitter.close()
    expect((await events.next()).value).to.include({ message: 'last' })
    expect((await events.next()).done).to.equal(true)
  })
})
