import { expect } from 'chai'
import { NoticeBatcher, type Batch } from '../src/notice-batcher.ts'

describe('notices', () => {
  let batcher: NoticeBatcher
  beforeEach(() => {
    batcher = new NoticeBatcher({ windowMs: 5_000, threshold: 3 })
  })
  const told = (now: number): string[] => {
    const lines: string[] = []
    for (let batch = batcher.poll(now); batch; batch = batcher.poll(now)) lines.push(lineOf(batch))
    return lines
  }
  const lineOf = (batch: Batch): string =>
    [...batch].map(([change, users]) => `${change}: ${users.join(' ')}`).join(', ')

  it('are told as they come while they are few', () => {
    batcher.handle(0, 'joined', 'alice')
    expect(told(0)).to.deep.equal(['joined: alice'])
    batcher.handle(1_000, 'left', 'bob')
    expect(told(1_000)).to.deep.equal(['left: bob'])
    expect(batcher.pollTimeout()).to.equal(undefined)
  })

  it('are one when they are many, at the end of the window', () => {
    for (const user of ['a', 'b', 'c', 'd', 'e']) batcher.handle(0, 'joined', user)
    batcher.handle(0, 'left', 'x')
    expect(told(0)).to.deep.equal(['joined: a', 'joined: b', 'joined: c'])
    expect(batcher.pollTimeout()).to.equal(5_000)
    expect(told(4_999)).to.deep.equal([])
    expect(told(5_000)).to.deep.equal(['joined: d e, left: x'])
  })

  it('stay one for each window as long as it goes on, and begin anew after a quiet one', () => {
    for (let i = 0; i < 10; i++) batcher.handle(0, 'joined', `a${i}`)
    told(0)
    told(5_000)
    batcher.handle(6_000, 'joined', 'b')
    expect(told(6_000)).to.deep.equal([])
    expect(told(10_000)).to.deep.equal(['joined: b'])
    batcher.handle(20_000, 'joined', 'c')
    batcher.handle(20_000, 'joined', 'd')
    expect(told(20_000)).to.deep.equal(['joined: c', 'joined: d'])
  })

  it('say nothing of what is undone before it was told', () => {
    for (const user of ['a', 'b', 'c', 'd', 'e']) batcher.handle(0, 'joined', user)
    told(0)
    batcher.handle(1_000, 'left', 'd')
    batcher.handle(1_000, 'left', 'e')
    batcher.handle(1_000, 'joined', 'e')
    batcher.handle(1_000, 'left', 'a')
    expect(told(5_000)).to.deep.equal(['joined: e, left: a'])
  })
})
