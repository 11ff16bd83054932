import { expect } from 'chai'
import fc from 'fast-check'
import { ReceivePlan, type SourceRanges } from '../../../src/core/transfer/receive-plan.ts'
import { SendPlan } from '../../../src/core/transfer/send-plan.ts'
import { ms } from '../../helpers/time.ts'

const SIZE = 1_000_000
const BLOCKS = 30
const LAST = 17
const SOURCES = ['a', 'b', 'c']
const bytesOf = (index: number): number => (index === BLOCKS - 1 ? LAST : SIZE)
const indexes = (ranges: SourceRanges['ranges']): number[] =>
  ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, n) => start + n))

const who = fc.constantFrom(...SOURCES)
const block = fc.nat(BLOCKS - 1)
const part = fc.tuple(block, fc.integer({ min: 1, max: BLOCKS })).map(([a, b]) => [{ start: Math.min(a, b), end: Math.max(a, b) }]) // prettier-ignore

const receiveStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('answer' as const), who, nth: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), time: fc.nat(ms(20_000)) }) },
  fc.record({ do: fc.constant('unasked' as const), who, block }),
  fc.record({ do: fc.constant('lie' as const), who, block }),
  fc.record({ do: fc.constant('join' as const), who, has: fc.option(part, { nil: undefined }) }),
  fc.record({ do: fc.constant('have' as const), who, has: part }),
  fc.record({ do: fc.constantFrom('leave', 'sign', 'hold', 'unhold'), who }),
  fc.record({ do: fc.constantFrom('pause', 'continue') }),
  fc.record({ do: fc.constant('prefer' as const), has: part }),
)

const sendStep = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('next' as const), count: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('want' as const), who, id: fc.constantFrom('t', 'u'), has: part, priority: fc.nat(2) }) }, // prettier-ignore
  fc.record({ do: fc.constant('cancel' as const), who, id: fc.constantFrom('t', 'u'), has: part }),
  fc.record({ do: fc.constantFrom('handlePause', 'handleContinue', 'handleStop'), who, id: fc.constantFrom('t', 'u') }),
  fc.record({ do: fc.constantFrom('pause', 'continue'), id: fc.constantFrom('t', 'u') }),
  fc.record({ do: fc.constantFrom('hold', 'release', 'removeReceiver'), who }),
  fc.record({ do: fc.constant('rate' as const), rate: fc.constantFrom(SIZE, 10 * SIZE, Infinity), id: fc.constantFrom('t', undefined) }), // prettier-ignore
)

describe('fuzz: plans of transfers', () => {
  it('a download believes each block once, asks within windows, never whom it blocked, and ends with one honest source', () => {
    fc.assert(
      fc.property(fc.array(receiveStep, { maxLength: 120 }), (steps) => {
        const plan = new ReceivePlan(0, { blockSize: SIZE, size: (BLOCKS - 1) * SIZE + LAST, checkpoints: [0.5] })
        const believed = new Set<number>()
        const blocked = new Set<string>()
        const told: string[] = []
        let now = 0
        let isPaused = false
        const poll = (): void => {
          for (const { source, ranges } of plan.pollWants(now)) {
            const { outstanding, window, asked } = plan.sources.get(source)!
            expect(isPaused || blocked.has(source), 'asked in vain').to.equal(false)
            expect(outstanding).to.be.at.most(window)
            for (const index of indexes(ranges)) {
              expect(asked.has(index)).to.equal(true)
              expect(believed.has(index), 'asked though it is there').to.equal(false)
              expect(plan.sources.get(source)!.hasBlock(index)).to.equal(true)
            }
          }
          for (const { ranges } of plan.pollCancels())
            for (const index of indexes(ranges)) expect(believed.has(index), 'cancelled, not there').to.equal(true)
          for (const source of plan.sources.values())
            expect(source.outstanding).to.equal([...source.asked.values()].reduce((sum, x) => sum + x, 0))
          for (let event = plan.pollEvent(); event; event = plan.pollEvent()) {
            told.push(event.type)
            if (event.type === 'blocked') blocked.add(event.source)
          }
          expect(plan.had.count).to.equal(believed.size)
          expect(plan.pollTimeout() ?? Infinity, 'no timeout in the past').to.be.above(now)
        }
        const arrive = (source: string, index: number): void => {
          const outcome = plan.handleBlock(now, source, index, bytesOf(index), true)
          expect(outcome).to.equal(blocked.has(source) ? 'ignored' : believed.has(index) ? 'duplicate' : 'accepted')
          if (outcome === 'accepted') believed.add(index)
        }
        for (const step of steps) {
          if (step.do === 'wait') now += step.time
          else if (step.do === 'pause') plan.pause()
          else if (step.do === 'continue') plan.continue(now)
          else if (step.do === 'prefer') plan.prefer(step.has)
          else if (step.do === 'join') plan.addSource(step.who, step.has)
          else if (step.do === 'have') plan.handleHave(step.who, step.has)
          else if (step.do === 'unasked') arrive(step.who, step.block)
          else if (step.do === 'lie') plan.handleBlock(now, step.who, step.block, bytesOf(step.block), false)
          else if (step.do === 'answer') {
            const asked = [...(plan.sources.get(step.who)?.asked.keys() ?? [])]
            if (asked.length > 0) arrive(step.who, asked[step.nth % asked.length]!)
          } else if ('who' in step) {
            if (step.do === 'leave') plan.removeSource(step.who)
            else if (step.do === 'sign') plan.handleSign(now, step.who)
            else if (step.do === 'hold') plan.handlePause(step.who)
            else plan.handleContinue(now, step.who)
          }
          isPaused = plan.isPaused
          poll()
        }
        plan.continue(now)
        isPaused = false
        for (const source of [...plan.sources.keys()]) plan.removeSource(source)
        plan.addSource('honest')
        for (let turns = 0; turns <= BLOCKS && !plan.isDone; turns++) {
          poll()
          now += ms(10)
          for (const index of [...(plan.sources.get('honest')?.asked.keys() ?? [])]) arrive('honest', index)
        }
        poll()
        expect(plan.isDone).to.equal(true)
        expect(told.filter((type) => type === 'done')).to.deep.equal(['done'])
        expect(told.filter((type) => type === 'checkpoint')).to.have.length(1)
        expect(plan.progress(now).bytes).to.equal((BLOCKS - 1) * SIZE + LAST)
      }),
    )
  })

  it('a source sends exactly what is asked for, not cancelled and not forgotten, to nobody who is held or paused', () => {
    fc.assert(
      fc.property(fc.array(sendStep, { maxLength: 120 }), (steps) => {
        const plan = new SendPlan(0)
        for (const id of ['t', 'u']) plan.addTransfer(0, id, { blockSize: SIZE, size: BLOCKS * SIZE })
        const wanted = new Map<string, Set<number>>()
        const key = (receiver: string, id: string): string => `${receiver} ${id}`
        const want = (receiver: string, id: string): Set<number> => {
          const name = key(receiver, id)
          if (!wanted.has(name)) wanted.set(name, new Set())
          return wanted.get(name)!
        }
        /** Pauses that a queue forgets with it. */
        const stopped = new Set<string>()
        const held = new Set<string>()
        const paused = new Set<string>()
        const queues = new Set<string>()
        let now = 0
        const forget = (receiver: string, id: string): void => {
          wanted.delete(key(receiver, id))
          stopped.delete(key(receiver, id))
          queues.delete(key(receiver, id))
          if (!queues.has(key(receiver, 't')) && !queues.has(key(receiver, 'u'))) held.delete(receiver)
        }
        const open = (receiver: string, id: string): unknown => queues.add(key(receiver, id))
        const drain = (count: number): void => {
          for (let n = 0; n < count; n++) {
            const turn = plan.pollNext(now)
            if (!turn) return
            if ('at' in turn) {
              expect(turn.at).to.be.above(now)
              now = turn.at
              continue
            }
            const { receiver, transfer, index } = turn
            expect(want(receiver, transfer).delete(index), 'asked').to.equal(true)
            expect(held.has(receiver) || paused.has(transfer) || stopped.has(key(receiver, transfer))).to.equal(false)
          }
        }
        for (const step of steps) {
          if (step.do === 'next') drain(step.count)
          else if (step.do === 'rate') plan.setRate(now, step.rate, step.id)
          else if (step.do === 'want') {
            expect(plan.handleWant(step.who, step.id, step.has, step.priority)).to.equal(true)
            open(step.who, step.id)
            for (const index of indexes(step.has)) want(step.who, step.id).add(index)
          } else if (step.do === 'cancel') {
            plan.handleCancel(step.who, step.id, step.has)
            for (const index of indexes(step.has)) want(step.who, step.id).delete(index)
          } else if ('who' in step && 'id' in step) {
            plan[step.do as 'handleStop'](step.who, step.id)
            if (step.do === 'handleStop') forget(step.who, step.id)
            else if (step.do === 'handlePause') open(step.who, step.id) && stopped.add(key(step.who, step.id))
            else stopped.delete(key(step.who, step.id))
          } else if ('who' in step) {
            plan[step.do as 'hold'](step.who)
            if (step.do === 'removeReceiver') for (const id of ['t', 'u']) forget(step.who, id)
            else if (step.do === 'release') held.delete(step.who)
            else if (queues.has(key(step.who, 't')) || queues.has(key(step.who, 'u'))) held.add(step.who)
          } else if ('id' in step) {
            plan[step.do as 'pause'](step.id as string)
            if (step.do === 'pause') paused.add(step.id as string)
            else paused.delete(step.id as string)
          }
          expect(plan.pending).to.equal([...wanted.values()].reduce((sum, { size }) => sum + size, 0))
        }
        for (const receiver of SOURCES) {
          plan.release(receiver)
          for (const id of ['t', 'u']) plan.handleContinue(receiver, id)
        }
        for (const id of ['t', 'u']) plan.continue(id)
        for (const set of [held, paused, stopped]) set.clear()
        drain(10_000)
        expect(plan.pending).to.equal(0)
        expect([...wanted.values()].every(({ size }) => size === 0)).to.equal(true)
      }),
    )
  })
})
