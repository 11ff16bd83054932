import { expect } from 'chai'
import { MemoryStorage } from '../../../src/core/testing/memory-storage.ts'
import { MAX_KEPT, SeenLog } from '../src/seen-log.ts'

describe('when people were seen', () => {
  let storage: MemoryStorage
  beforeEach(() => {
    storage = new MemoryStorage()
  })
  const open = (now: number): ReturnType<typeof SeenLog.open> => SeenLog.open(storage, now, 120_000)

  it('is kept over a restart, under any spelling of the name', async () => {
    const { log } = await open(0)
    log.put({ user: 'Alice', at: 100, isHere: true })
    log.put({ user: 'Alice', at: 200, isHere: false })
    await log.flush(300)
    const again = await open(1_000)
    expect(again.expected).to.deep.equal([])
    expect(again.log.find('ALICE')).to.deep.equal({ user: 'Alice', at: 200, isHere: false })
    expect(again.log.find('no name!')).to.equal(undefined)
  })

  it('of those who were there when the server died is when it last said that it lived; they are expected back for a while', async () => {
    const { log } = await open(0)
    log.put({ user: 'alice', at: 100, isHere: true })
    await log.flush(60_000)
    const soon = await open(90_000)
    expect(soon.expected).to.deep.equal([{ user: 'alice', at: 60_000, isHere: true }])
    const late = await open(500_000)
    expect(late.expected).to.deep.equal([])
    expect(late.log.find('alice')?.at).to.equal(60_000)
    await late.log.flush(500_000)
    expect((await open(500_001)).log.find('alice')?.at).to.equal(60_000)
  })

  it('is forgotten for the oldest when there are too many', async () => {
    const { log } = await open(0)
    for (let i = 0; i < MAX_KEPT + 10; i++) log.put({ user: `u${i}`, at: i, isHere: false })
    expect([log.size, log.find('u9'), log.find('u10')?.at]).to.deep.equal([MAX_KEPT, undefined, 10])
    while (await log.flush(1, 500));
    expect((await open(2)).log.size).to.equal(MAX_KEPT)
    log.put({ user: 'one more', at: 1, isHere: false })
    log.put({ user: 'more', at: 1, isHere: false })
    await log.flush(3)
    expect((await open(4)).log.find('u10')).to.equal(undefined)
  })

  it('is forgotten altogether where nobody is to be remembered, and whatever else is kept there does not matter', async () => {
    const { log } = await open(0)
    log.put({ user: 'alice', at: 1, isHere: false })
    await log.flush(2)
    await storage.put('user/odd', { at: 'never' })
    await storage.put('user/null', null)
    expect((await open(3)).log.size).to.equal(1)
    await SeenLog.erase(storage)
    expect(await storage.list()).to.deep.equal([])
  })

  it('waits to be written when it cannot be', async () => {
    const { log } = await open(0)
    log.put({ user: 'alice', at: 1, isHere: false })
    const put = storage.put.bind(storage)
    storage.put = () => Promise.reject(new Error('full'))
    await log.flush(2).then(
      () => expect.fail('written'),
      () => {},
    )
    storage.put = put
    await log.flush(3)
    expect((await open(4)).log.size).to.equal(1)
  })
})
