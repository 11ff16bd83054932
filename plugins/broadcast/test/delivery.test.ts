import { expect } from 'chai'
import { MsgError, type Session } from 'msg-cli/plugin'
import { ManualClock } from '../../../src/core/testing/manual-clock.ts'
import { Delivery } from '../src/delivery.ts'

type Targets = Parameters<Delivery['tell']>[0]

const MESSAGE = { id: 'x', from: 'alice', text: 'hi', at: '' }

describe('the delivery of a broadcast', () => {
  let clock: ManualClock
  let delivery: Delivery
  /** The server's hook `session:open`. */
  let open: (id: string) => void

  beforeEach(() => {
    clock = new ManualClock(1_000)
    const timers = {
      now: () => clock.now(),
      after: (ms: number, fn: () => void) => clock.after(ms, fn),
      every: () => () => {},
    }
    const hook = (_name: string, fn: (session: Session) => void): void => {
      open = (id) => fn({ id } as Session)
    }
    delivery = new Delivery({ timers, hook: hook as never })
  })

  /** Connections whose clients do what `answer` says. */
  const targets = (count: number, answer: (index: number, timeoutMs: number) => Promise<object>): Targets =>
    Array.from({ length: count }, (_, index) => ({
      id: `s${index}`,
      request: (_name: string, _message: object, { timeoutMs }: { timeoutMs: number }) => answer(index, timeoutMs),
    })) as unknown as Targets
  const never = new Promise<never>(() => {})
  const late = (ms: number): Promise<never> =>
    new Promise((_, reject) => clock.after(ms, () => reject(new MsgError('MSG_ERR_TIMEOUT', { detail: '' }))))
  const gone = (): Promise<never> => Promise.reject(new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: '' }))

  it('counts those that acknowledge it', async () => {
    const reached = await delivery.tell(
      targets(10, async (i) => (i % 2 === 0 ? {} : Promise.reject(new MsgError('MSG_ERR_LIMIT', { detail: '' })))),
      MESSAGE,
    )
    expect([...reached].map(({ id }) => id)).to.deep.equal(['s0', 's2', 's4', 's6', 's8'])
    expect(await delivery.tell([], MESSAGE)).to.have.property('size', 0)
  })

  it('asks so many at a time, and is not held up by those that do not answer', async () => {
    let asked = 0
    const telling = delivery.tell(
      targets(400, (i, timeoutMs) => {
        asked++
        return i < 200 ? late(timeoutMs) : Promise.resolve({})
      }),
      MESSAGE,
    )
    await clock.advance(99)
    expect(asked).to.equal(128)
    await clock.advance(101)
    expect(asked).to.equal(400)
    await clock.advance(5_000)
    expect((await telling).size).to.equal(200)
  })

  it('ends in time whatever happens, and knows by then who has acknowledged it', async () => {
    const telling = delivery.tell(
      targets(50_000, (i) => (i === 0 ? Promise.resolve({}) : never)),
      MESSAGE,
    )
    for (let i = 0; i < 200; i++) await clock.advance(100)
    expect((await telling).size).to.equal(1)
  })

  it('waits for a client that is gone, and tells it when it is back; for five seconds in all', async () => {
    let isThere = false
    let asked = 0
    const come = targets(2, async (i) => {
      asked++
      return isThere && i === 0 ? {} : gone()
    })
    const telling = delivery.tell(come, MESSAGE)
    await clock.advance(3_000)
    expect(asked).to.equal(4)
    isThere = true
    open('s0')
    open('somebody else')
    await clock.advance(1_999)
    const before = asked
    await clock.advance(1)
    expect([before, (await telling).size]).to.deep.equal([5, 1])
    open('s1')
    await clock.advance(1_000)
    expect(asked).to.equal(5)
    expect(clock.pending).to.equal(0)
  })
})
