import { expect } from 'chai'
import type { Range } from '../../../src/core/wire/range-set.ts'
import { MAX_RANGES, MAX_RECEIVER_RANGES, SendPlan, type SentTransfer } from '../../../src/core/transfer/send-plan.ts'
import { ms, s } from '../../helpers/time.ts'

const MIB = 1_048_576

/** Every transfer has 1,000 blocks of 1 MiB unless said otherwise. */
function planOf(transfers: Record<string, Partial<SentTransfer>> = { t: {} }, bytesPerSecond?: number): SendPlan {
  const plan = new SendPlan(0, bytesPerSecond)
  for (const [id, transfer] of Object.entries(transfers))
    plan.addTransfer(0, id, { blockSize: MIB, size: 1_000 * MIB, ...transfer })
  return plan
}
const upTo = (end: number): Range[] => [{ start: 0, end }]
const one = (start: number): Range[] => [{ start, end: start + 1 }]
/** Ranges that do not touch. */
const holes = (count: number, from = 0): Range[] =>
  Array.from({ length: count }, (_, n) => ({ start: from + 2 * n, end: from + 2 * n + 1 }))
/** What is sent next, as `receiver transfer index`, or when to ask again. */
function next(plan: SendPlan, now = 0): string | undefined {
  const turn = plan.pollNext(now)
  return turn && ('at' in turn ? `at ${turn.at}` : `${turn.receiver} ${turn.transfer} ${turn.index}`)
}
const all = (plan: SendPlan, count: number): Array<string | undefined> =>
  Array.from({ length: count }, () => next(plan))

describe('transfer/send-plan', () => {
  it('sends what was asked for, once, in the order it was asked', () => {
    const plan = planOf()
    expect(next(plan)).to.equal(undefined)
    expect(plan.handleWant('bob', 't', [{ start: 7, end: 8 }, { start: 2, end: 4 }])).to.equal(true) // prettier-ignore
    plan.handleWant('bob', 't', one(7))
    expect(plan.pending).to.equal(3)
    expect(all(plan, 4)).to.deep.equal(['bob t 7', 'bob t 2', 'bob t 3', undefined])
  })

  it('sends a block again when it is asked for again', () => {
    const plan = planOf()
    plan.handleWant('bob', 't', one(1))
    next(plan)
    plan.handleWant('bob', 't', one(1))
    expect(next(plan)).to.equal('bob t 1')
  })

  it('refuses what does not exist', () => {
    const plan = planOf({ t: { size: 2 * MIB + 1 } })
    expect(plan.handleWant('bob', 'other', one(0))).to.equal(false)
    expect(plan.handleWant('bob', 't', one(3))).to.equal(false)
    expect(plan.handleWant('bob', 't', [{ start: -1, end: 1 }])).to.equal(false)
    expect(plan.handleWant('bob', 't', one(2))).to.equal(true)
    expect(plan.pending).to.equal(1)
  })

  it('remembers no more ranges of a transfer than it has room for, and refuses nobody for that', () => {
    const plan = planOf({ t: { size: undefined } })
    expect(plan.handleWant('bob', 't', holes(MAX_RANGES + 1))).to.equal(true)
    expect(plan.pending).to.equal(0)
    plan.handleWant('bob', 't', holes(MAX_RANGES))
    expect(plan.handleWant('bob', 't', one(MAX_RANGES * 3))).to.equal(true)
    expect(plan.pending).to.equal(MAX_RANGES)
  })

  it('a receiver that asks for much in pieces takes no room from others', () => {
    const full = MAX_RECEIVER_RANGES / MAX_RANGES
    const ids = Array.from({ length: full + 1 }, (_, n) => `t${n}`)
    const plan = planOf(Object.fromEntries(ids.map((id) => [id, { size: undefined }])))
    for (const id of ids) plan.handleWant('bob', id, holes(MAX_RANGES))
    expect([plan.pending, plan.pendingOf('bob', ids.at(-1)!)]).to.deep.equal([MAX_RECEIVER_RANGES, 0])
    plan.handleWant('eve', ids[0]!, upTo(8))
    expect(plan.pendingOf('eve', ids[0]!)).to.equal(8)
    plan.handleStop('bob', ids[0]!)
    plan.handleWant('bob', ids.at(-1)!, one(0))
    expect(plan.pendingOf('bob', ids.at(-1)!), 'has room again').to.equal(1)
  })

  it('forgets everything of a receiver that cancels holes into more than it has room for', () => {
    const plan = planOf({ t: { size: undefined } })
    plan.handleWant('bob', 't', upTo(10_000))
    expect(plan.handleCancel('bob', 't', holes(MAX_RANGES - 1, 1))).to.equal(true)
    expect(plan.handleCancel('bob', 't', holes(10, 5_001))).to.equal(false)
    expect(plan.pending).to.equal(0)
  })

  it('does not send what is cancelled', () => {
    const plan = planOf()
    plan.handleWant('bob', 't', upTo(4))
    expect(plan.handleCancel('bob', 't', [{ start: 0, end: 2 }, { start: 3, end: 9 }])).to.equal(true) // prettier-ignore
    expect(plan.handleCancel('eve', 't', one(2))).to.equal(true)
    expect(all(plan, 2)).to.deep.equal(['bob t 2', undefined])
  })

  it('serves receivers in turns', () => {
    const plan = planOf()
    for (const who of ['bob', 'eve']) plan.handleWant(who, 't', upTo(2))
    expect(all(plan, 5)).to.deep.equal(['bob t 0', 'eve t 0', 'bob t 1', 'eve t 1', undefined])
  })

  it('gives receivers the same number of bytes, not of blocks', () => {
    const plan = planOf({ big: { blockSize: 4 * MIB }, small: {} })
    plan.handleWant('bob', 'big', upTo(100))
    plan.handleWant('eve', 'small', upTo(100))
    const sent = all(plan, 50)
    expect(sent.filter((turn) => turn!.startsWith('bob'))).to.have.length(10)
  })

  it('gives a receiver of two transfers no more than one of one, and takes turns between the two', () => {
    const plan = planOf({ t: {}, u: {} })
    plan.handleWant('bob', 't', upTo(9))
    plan.handleWant('bob', 'u', upTo(9))
    plan.handleWant('eve', 't', upTo(9))
    expect(all(plan, 4)).to.deep.equal(['bob t 0', 'eve t 0', 'bob u 0', 'eve t 1'])
  })

  it('does not let a receiver that comes late catch up', () => {
    const plan = planOf()
    plan.handleWant('bob', 't', upTo(900))
    all(plan, 500)
    plan.handleWant('eve', 't', upTo(900))
    const sent = all(plan, 100)
    expect(sent.filter((turn) => turn!.startsWith('eve')).length).to.be.within(50, 51)
  })

  it('sends transfers of a lower number first, whoever asks', () => {
    const plan = planOf({ late: { priority: 5 }, soon: { priority: 1 } })
    plan.handleWant('bob', 'late', one(0), -9)
    plan.handleWant('eve', 'soon', upTo(2))
    expect(all(plan, 3)).to.deep.equal(['eve soon 0', 'eve soon 1', 'bob late 0'])
  })

  it('changes priorities while it sends', () => {
    const plan = planOf({ t: {}, u: {} })
    plan.handleWant('bob', 't', upTo(3))
    plan.handleWant('eve', 'u', upTo(3))
    plan.setPriority('u', -1)
    expect(all(plan, 4)).to.deep.equal(['eve u 0', 'eve u 1', 'eve u 2', 'bob t 0'])
  })

  it('lets a receiver say which of its own transfers comes first, and no more', () => {
    const plan = planOf({ t: {}, u: {} })
    plan.handleWant('bob', 't', upTo(2), 2)
    plan.handleWant('bob', 'u', upTo(2), 1)
    plan.handleWant('eve', 't', upTo(2), 3)
    expect(all(plan, 4)).to.deep.equal(['bob u 0', 'eve t 0', 'bob u 1', 'eve t 1'])
  })

  it('sends nothing of a transfer that is paused by either side, and goes on', () => {
    const plan = planOf()
    plan.handleWant('bob', 't', upTo(3))
    plan.pause('t')
    plan.handlePause('bob', 't')
    expect(next(plan)).to.equal(undefined)
    plan.continue('t')
    expect(next(plan)).to.equal(undefined)
    plan.handleContinue('bob', 't')
    expect(next(plan)).to.equal('bob t 0')
  })

  it('pauses for one receiver alone, though it has asked for nothing yet', () => {
    const plan = planOf()
    plan.handlePause('bob', 't')
    for (const who of ['bob', 'eve']) plan.handleWant(who, 't', one(0))
    expect(all(plan, 2)).to.deep.equal(['eve t 0', undefined])
  })

  it('serves others while the link of one is full', () => {
    const plan = planOf()
    for (const who of ['bob', 'eve']) plan.handleWant(who, 't', upTo(5))
    plan.hold('bob')
    expect(all(plan, 3)).to.deep.equal(['eve t 0', 'eve t 1', 'eve t 2'])
    plan.release('bob')
    const sent = all(plan, 3)
    expect(sent, 'no catching up').to.include('eve t 3')
  })

  it('forgets a receiver that goes away, one that stops, and a transfer that is over', () => {
    const plan = planOf({ t: {}, u: {} })
    for (const who of ['bob', 'eve', 'kim']) for (const id of ['t', 'u']) plan.handleWant(who, id, one(0))
    plan.removeReceiver('bob')
    plan.handleStop('eve', 't')
    plan.removeTransfer('u')
    expect(all(plan, 2)).to.deep.equal(['kim t 0', undefined])
    expect(plan.pending).to.equal(0)
  })

  it('says when it may go on under a limit for everything', () => {
    const plan = planOf({ t: {} }, MIB)
    plan.handleWant('bob', 't', upTo(3))
    expect(next(plan)).to.equal('bob t 0')
    expect(next(plan)).to.equal(`at ${ms(1_000)}`)
    expect(next(plan, ms(1_000))).to.equal('bob t 1')
    expect(next(plan, ms(1_001))).to.equal(`at ${ms(2_000)}`)
  })

  it('limits one transfer, and serves others meanwhile', () => {
    const plan = planOf({ t: {}, u: {} })
    plan.setRate(0, MIB, 't')
    for (const id of ['t', 'u']) plan.handleWant('bob', id, upTo(2))
    expect(all(plan, 4)).to.deep.equal(['bob t 0', 'bob u 0', 'bob u 1', `at ${ms(1_000)}`])
  })

  it('goes on at once when the limit is lifted', () => {
    const plan = planOf({ t: {} }, MIB)
    plan.handleWant('bob', 't', upTo(3))
    next(plan)
    plan.setRate(0, Infinity)
    expect(all(plan, 3)).to.deep.equal(['bob t 1', 'bob t 2', undefined])
  })

  it('counts the short last block for what it is', () => {
    const plan = planOf({ t: { size: MIB + 1_000 } }, 1_000)
    plan.handleWant('bob', 't', one(1))
    plan.handleWant('bob', 't', one(0))
    next(plan)
    expect(next(plan, s(0.5))).to.equal(`at ${ms(1_000)}`)
  })
})
