import { expect } from 'chai'
import { MIN_BLOCK_SIZE } from '../../../src/core/transfer/manifest.ts'
import { MetadataFetch } from '../../../src/core/transfers/metadata.ts'
import { FakeFile, FakeFiles } from '../../helpers/fake-files.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'

describe('transfers/metadata', () => {
  const timers = useFakeTimers()
  const file = new FakeFile(3 * MIN_BLOCK_SIZE)
  let told: string[]
  let fetch: MetadataFetch
  let [bob, eve]: FakeFiles[] = []
  beforeEach(() => {
    told = []
    bob = new FakeFiles('bob')
    eve = new FakeFiles('eve')
    fetch = new MetadataFetch(file.offer(true), {
      onMetadata: () => told.push('metadata'),
      onWrong: ({ key }) => told.push(`${key} is wrong`),
    })
  })
  const asked = (): number[] => [bob!, eve!].map(({ sent }) => sent.length)

  it('is asked of the next one when the first is silent, and of the first again', () => {
    fetch.addSide(bob!.files)
    fetch.addSide(eve!.files)
    timers.tick(9_999)
    expect(asked()).to.deep.equal([1, 0])
    timers.tick(1)
    expect(asked()).to.deep.equal([1, 1])
    timers.tick(10_000)
    expect(asked()).to.deep.equal([2, 1])
  })

  it('is asked again of the only one', () => {
    fetch.addSide(bob!.files)
    timers.tick(20_000)
    expect(bob!.all('manifest-want')).to.have.length(3)
  })

  it('goes on with the hashes where the next one is asked, and then asks nobody', () => {
    fetch.addSide(bob!.files)
    fetch.addSide(eve!.files)
    fetch.handleFrame(bob!.files, file.manifestFrame())
    timers.tick(10_000)
    expect(eve!.all('hashes-want')).to.have.length(1)
    fetch.handleFrame(eve!.files, file.hashesFrame())
    expect([told, timers.waiting]).to.deep.equal([['metadata'], 0])
  })

  it('asks nobody once nobody is there, or it is closed', () => {
    fetch.addSide(bob!.files)
    fetch.removeSide(bob!.files)
    expect(timers.waiting).to.equal(0)
    fetch.addSide(eve!.files)
    fetch.close()
    timers.tick(60_000)
    expect([asked(), timers.waiting]).to.deep.equal([[1, 1], 0])
  })
})
