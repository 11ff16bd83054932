import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { MIN_BLOCK_SIZE } from '../../../src/core/transfer/manifest.ts'
import { Download, type DownloadOptions } from '../../../src/core/transfers/download.ts'
import { FakeFile, FakeFiles, MemoryStore } from '../../helpers/fake-files.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await setImmediate()
}

/** A download of a file of ten and a half blocks, and what it tells. */
class Lab {
  readonly file = new FakeFile(10.5 * MIN_BLOCK_SIZE)
  readonly store = new MemoryStore(this.file.blocks)
  readonly told: string[] = []
  readonly download: Download

  constructor(isRooted: boolean, options: Partial<DownloadOptions> = {}) {
    this.download = new Download({
      offer: this.file.offer(isRooted),
      openStore: async () => this.store,
      listener: {
        onStarted: () => this.told.push('started'),
        onBlock: () => {},
        onCheckpoint: (fraction) => {
          this.told.push(`checkpoint ${fraction}`)
          this.download.pause()
        },
        onBlocked: ({ peer }, { code }) => this.told.push(`blocked ${peer.user} ${code}`),
        onLanding: () => {},
        onDone: (landed, _root, lastByte) => this.told.push(`done ${landed.name} ${lastByte}`),
        onFailed: ({ code }) => this.told.push(`failed ${code}`),
      },
      ...options,
    })
  }

  /** Somebody who has it: gives the metadata when asked. */
  async side(user: string): Promise<FakeFiles> {
    const side = new FakeFiles(user)
    this.download.addSide(side.files)
    await this.answer(side)
    return side
  }

  async answer(side: FakeFiles): Promise<void> {
    if (side.all('manifest-want').length > 0) this.download.handleFrame(side.files, this.file.manifestFrame())
    if (side.all('hashes-want').length > 0) this.download.handleFrame(side.files, this.file.hashesFrame())
    await settle()
  }

  /** A block comes from somebody. @param bytes - what comes. @default the right ones */
  async come(side: FakeFiles, index: number, bytes = this.file.block(index)): Promise<void> {
    const block = { index, bytes: Uint8Array.from(bytes), hash: this.file.hash(index), release: () => {} }
    this.download.sinkFor(side.files).onBlock(block)
    await settle()
  }

  async comeAll(side: FakeFiles): Promise<void> {
    for (let wants = side.takeWants(); wants.length > 0; wants = side.takeWants())
      for (const index of wants) await this.come(side, index)
  }

  root(side: FakeFiles, root = this.file.root): void {
    const size = this.file.bytes.byteLength
    this.download.handleFrame(side.files, { type: 'root', id: this.download.offer.id, size, root, lastByte: 9 })
  }
}

describe('transfers/download', () => {
  it('asks one source for the manifest, then for blocks, at the end for the root, and lands what fits it', async () => {
    const lab = new Lab(false)
    const alice = await lab.side('alice')
    expect(alice.all('hashes-want'), 'without a root there is nothing to check them against').to.deep.equal([])
    await lab.comeAll(alice)
    expect(lab.told).to.deep.equal(['started'])
    expect(alice.all('root-want')).to.have.length(1)
    lab.root(alice)
    await settle()
    expect(lab.told).to.deep.equal(['started', 'done a.bin 9'])
    expect(Buffer.from(lab.store.bytes).equals(lab.file.bytes)).to.equal(true)
  })

  it('throws everything away when the root is another', async () => {
    const lab = new Lab(false)
    const alice = await lab.side('alice')
    await lab.comeAll(alice)
    lab.root(alice, lab.file.hash(0))
    await settle()
    expect(lab.told.at(-1)).to.equal('failed MSG_ERR_TRANSFER_INTEGRITY')
    expect(lab.store.isDiscarded, 'going on from it would fail again').to.equal(true)
  })

  it('believes the root of nobody but the one it asked', async () => {
    const lab = new Lab(false)
    const alice = await lab.side('alice')
    lab.root(new FakeFiles('eve'), lab.file.hash(0))
    await lab.comeAll(alice)
    lab.root(alice)
    await settle()
    expect(lab.told.at(-1)).to.equal('done a.bin 9')
  })

  it('with a root, blocks a source that sends what is wrong, and has the rest from the others', async () => {
    const lab = new Lab(true)
    const alice = await lab.side('alice')
    const eve = await lab.side('eve')
    const wants = eve.takeWants()
    expect(wants.length).to.be.greaterThan(0)
    await lab.come(eve, wants[0]!, new Uint8Array(MIN_BLOCK_SIZE))
    expect(lab.told).to.deep.equal(['started', 'blocked eve MSG_ERR_TRANSFER_INTEGRITY'])
    await lab.come(eve, wants[1]!)
    expect(lab.store.has(wants[1]!), 'nothing more is taken from it').to.equal(false)
    await lab.comeAll(alice)
    expect(lab.told.at(-1)).to.equal('done a.bin ' + lab.file.bytes.at(-1))
  })

  it('a source that states another hash than the offer leads to is blocked before its block is written', async () => {
    const lab = new Lab(true)
    await lab.side('alice')
    const eve = await lab.side('eve')
    const [index = 0] = eve.takeWants()
    const bytes = new Uint8Array(MIN_BLOCK_SIZE)
    lab.download.sinkFor(eve.files).onBlock({ index, bytes, hash: lab.file.hash(index ^ 1), release: () => {} })
    await settle()
    expect(lab.told.at(-1)).to.equal('blocked eve MSG_ERR_TRANSFER_INTEGRITY')
    expect(lab.store.verified).to.equal(0)
  })

  it('is over when the only source is blocked', async () => {
    const lab = new Lab(false)
    const alice = await lab.side('alice')
    await lab.come(alice, alice.takeWants()[0]!, new Uint8Array(MIN_BLOCK_SIZE))
    expect(lab.told.slice(1)).to.deep.equal([
      'blocked alice MSG_ERR_TRANSFER_INTEGRITY',
      'failed MSG_ERR_TRANSFER_INTEGRITY',
    ])
  })

  it('takes no block that it did not ask for', async () => {
    const lab = new Lab(true)
    await lab.side('alice')
    const eve = new FakeFiles('eve')
    await lab.come(eve, 0)
    expect(lab.store.verified).to.equal(0)
    expect(lab.told).to.deep.equal(['started'])
  })

  it('goes on with the next source when the one that gave the manifest is gone', async () => {
    const lab = new Lab(true)
    const alice = new FakeFiles('alice')
    lab.download.addSide(alice.files)
    lab.download.handleFrame(alice.files, lab.file.manifestFrame())
    const bob = new FakeFiles('bob')
    lab.download.addSide(bob.files)
    lab.download.handleClosed(alice.files)
    expect(bob.all('manifest-want'), 'what is there is not asked again').to.deep.equal([])
    await lab.answer(bob)
    await lab.comeAll(bob)
    expect(lab.told.at(-1)).to.contain('done')
  })

  it('a wrong manifest or wrong hashes cost whoever sent them their place', async () => {
    for (const lie of ['manifest', 'hashes'] as const) {
      const lab = new Lab(true)
      const other = new FakeFile(10.5 * MIN_BLOCK_SIZE)
      other.encoded[0]! ^= 1
      other.hashes[0]! ^= 1
      const eve = new FakeFiles('eve')
      const bob = new FakeFiles('bob')
      lab.download.addSide(eve.files)
      lab.download.addSide(bob.files)
      lab.download.handleFrame(eve.files, lie === 'manifest' ? other.manifestFrame() : lab.file.manifestFrame())
      if (lie === 'hashes') lab.download.handleFrame(eve.files, other.hashesFrame())
      expect(lab.told, lie).to.deep.equal(['blocked eve MSG_ERR_TRANSFER_INTEGRITY'])
      await lab.answer(bob)
      await lab.answer(bob)
      await lab.comeAll(bob)
      expect(lab.told.at(-1), lie).to.contain('done')
    }
  })

  it('asks a member only for what that member says it has', async () => {
    const lab = new Lab(true)
    const bob = new FakeFiles('bob')
    lab.download.handleHave(bob.files, [{ start: 3, end: 5 }])
    await lab.answer(bob)
    await lab.answer(bob)
    expect(bob.takeWants()).to.deep.equal([3, 4])
    lab.download.handleHave(bob.files, [{ start: 9, end: 10 }])
    expect(bob.takeWants()).to.deep.equal([9])
  })

  it('pauses at a checkpoint, and asks on when it is told to', async () => {
    const lab = new Lab(false, { checkpoint: 0.5, limit: 20 * MIN_BLOCK_SIZE })
    const alice = await lab.side('alice')
    for (let index = 0; !lab.told.includes('checkpoint 0.5'); index++) {
      while (!lab.download.had!.has(index) && !alice.all('want').length) await settle()
      for (const want of alice.takeWants()) await lab.come(alice, want)
    }
    expect(alice.all('pause')).to.have.length(1)
    await settle()
    expect(alice.takeWants()).to.deep.equal([])
    lab.download.continue()
    while (alice.all('want').length === 0) await settle()
    await lab.download.stop()
  })

  it('a store that has landed in a former life is done when the root is known', async () => {
    const lab = new Lab(true)
    lab.store.hasLanded = true
    await lab.side('alice')
    expect(lab.told.at(-1)).to.contain('done a.bin')
  })
})
