import { expect } from 'chai'
import { onLeaveSignal } from '../../../src/cli/signals.ts'

describe('signals that ask to leave', () => {
  const exit = process.exit.bind(process)
  afterEach(() => void (process.exit = exit))

  it('are told once each with the status to end with, and no more afterwards', () => {
    for (const [signal, status] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      const told: unknown[] = []
      const stop = onLeaveSignal((...what) => told.push(what))
      process.emit(signal, signal)
      stop()
      expect(told).to.deep.equal([[status, signal]])
    }
  })

  it('end the program at once the second time, with the status of the second', () => {
    const left: number[] = []
    const exits: unknown[] = []
    process.exit = (status) => {
      exits.push(status)
      throw new Error('gone')
    }
    const stop = onLeaveSignal((status) => left.push(status))
    process.emit('SIGINT', 'SIGINT')
    expect(exits).to.deep.equal([])
    expect(() => process.emit('SIGTERM', 'SIGTERM')).to.throw('gone')
    stop()
    expect(exits).to.deep.equal([143])
    expect(left).to.deep.equal([130])
  })
})
