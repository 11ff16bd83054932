import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import type { Block, BlockSource } from '../../../src/core/io/transfer/block-source.ts'
import type { StreamHandler } from '../../../src/core/streams/link-stream.ts'
import type { StreamRouter } from '../../../src/core/streams/stream-router.ts'
import { MIN_BLOCK_SIZE } from '../../../src/core/transfer/manifest.ts'
import { BlockDispatch } from '../../../src/core/transfers/block-dispatch.ts'
import { Content } from '../../../src/core/transfers/content.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { FakeFile, FakeFiles } from '../../helpers/fake-files.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await setImmediate()
}

/** A source that waits until the test lets it read. */
class Source implements BlockSource {
  readonly file = new FakeFile(8 * MIN_BLOCK_SIZE)
  readonly isSeekable: boolean
  readonly reads: number[] = []
  isOpen = true
  isBroken = false
  readonly #waiting: Array<() => void> = []

  constructor(isSeekable = true) {
    this.isSeekable = isSeekable
  }

  get manifest(): FakeFile['manifest'] {
    return this.isSeekable ? this.file.manifest : { ...this.file.manifest, kind: 'stream', size: -1 }
  }

  open(): void {
    this.isOpen = true
    for (const go of this.#waiting.splice(0)) go()
  }

  async read(index: number): Promise<Block | undefined> {
    this.reads.push(index)
    if (!this.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.isBroken) throw new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: 'x' })
    return { index, bytes: this.file.block(index), hash: this.file.hash(index), release: () => {} }
  }

  async confirm(): Promise<void> {}

  async close(): Promise<void> {}
}

/** A dispatch over streams that take what the test lets them take. */
class Lab {
  readonly told: string[] = []
  /** Bytes that streams take now. */
  room = Infinity
  /** Streams that links take now. */
  grants = Infinity
  readonly streams: StreamHandler[] = []
  readonly dispatch: BlockDispatch

  constructor() {
    const router = {
      open: (_link: unknown, _name: string, _priority: number, handler: StreamHandler) => {
        if (this.grants-- <= 0) throw new MsgError('MSG_ERR_LIMIT', { detail: 'streams' })
        this.streams.push(handler)
        return {
          write: ({ byteLength }: Uint8Array) => {
            const taken = Math.min(byteLength, this.room)
            this.room -= taken
            return taken
          },
          abort: () => this.told.push('abort'),
        }
      },
    } as unknown as StreamRouter
    this.dispatch = new BlockDispatch({
      router,
      onSent: (id, { key }, bytes) => this.told.push(`${id} to ${key}: ${bytes / MIN_BLOCK_SIZE}`),
      onIdle: (id, { key }) => this.told.push(`${id} to ${key} idle`),
      onFailed: (id, error) => this.told.push(`${id} failed ${MsgError.of(error).code}`),
    })
  }

  want({ files }: FakeFiles, id: string, start: number, end: number): boolean {
    return this.dispatch.want(files, id, [{ start, end }], 0)
  }

  /** How often each transfer was sent a block to each receiver. */
  sent(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const line of this.told)
      if (line.endsWith(': 1')) counts[line.slice(0, -3)] = (counts[line.slice(0, -3)] ?? 0) + 1
    return counts
  }
}

describe('transfers/block-dispatch', () => {
  let lab: Lab
  const [bob, eve] = [new FakeFiles('bob'), new FakeFiles('eve')]
  beforeEach(() => {
    lab = new Lab()
  })
  afterEach(() => lab.dispatch.close())

  it('sends what is asked for, says when that is all, and refuses what there is not', async () => {
    lab.dispatch.add('a', new Content(new Source()), 1)
    expect(lab.want(bob, 'a', 2, 4)).to.equal(true)
    expect(lab.want(bob, 'a', 7, 9)).to.equal(false)
    expect(lab.want(bob, 'unknown', 0, 1)).to.equal(false)
    expect(lab.dispatch.isIdle(bob.files, 'a')).to.equal(false)
    await settle()
    expect(lab.told).to.deep.equal(['a to bob: 1', 'a to bob: 1', 'a to bob idle'])
  })

  it('reads no further ahead of a link than a few blocks', async () => {
    const source = new Source()
    lab.dispatch.add('a', new Content(source), 1)
    lab.room = 0
    lab.want(bob, 'a', 0, 8)
    await settle()
    expect(source.reads).to.deep.equal([0, 1, 2])
    lab.want(eve, 'a', 0, 8)
    await settle()
    expect(source.reads, 'another link has a share of its own').to.deep.equal([0, 1, 2, 0, 1, 2])
  })

  it('sends what comes first by priority first', async () => {
    lab.dispatch.add('low', new Content(new Source()), 2)
    lab.dispatch.add('high', new Content(new Source()), 0)
    lab.room = 0
    lab.want(bob, 'low', 0, 8)
    lab.want(bob, 'high', 0, 4)
    lab.room = Infinity
    for (const stream of lab.streams) stream.onWritable?.()
    await settle()
    const order = lab.told.filter((line) => line.endsWith(': 1')).map((line) => line.split(' ')[0])
    const low = order.slice(0, 6).filter((id) => id === 'low')
    expect(low.length, 'no more than those that were read already').to.be.at.most(3)
  })

  it('a stream that has nothing to say keeps nobody waiting', async () => {
    const silent = new Source(false)
    silent.isOpen = false
    lab.dispatch.add('pipe', new Content(silent), 1)
    lab.dispatch.add('file', new Content(new Source()), 1)
    lab.want(bob, 'pipe', 0, 8)
    lab.want(bob, 'file', 0, 8)
    await settle()
    expect(lab.sent()).to.deep.equal({ 'file to bob': 8 })
    expect(silent.reads, 'one at a time').to.deep.equal([0])
    silent.open()
    await settle()
    expect(lab.sent()['pipe to bob']).to.equal(8)
  })

  it('keeps to a rate, which can be changed on the way', async () => {
    lab.dispatch.add('a', new Content(new Source()), 1)
    lab.dispatch.setRate(1, 'a')
    lab.want(bob, 'a', 0, 8)
    await settle()
    expect(lab.sent()).to.deep.equal({ 'a to bob': 1 })
    lab.dispatch.setRate(Infinity, 'a')
    await settle()
    expect(lab.sent()).to.deep.equal({ 'a to bob': 8 })
  })

  it('is paused and continued by either side', async () => {
    const source = new Source()
    lab.dispatch.add('a', new Content(source), 1)
    lab.dispatch.pause('a')
    lab.want(bob, 'a', 0, 2)
    await settle()
    expect(source.reads).to.deep.equal([])
    lab.dispatch.continue('a')
    lab.dispatch.handlePause(bob.files, 'a')
    lab.want(bob, 'a', 2, 4)
    await settle()
    const before = source.reads.length
    lab.dispatch.handleContinue(bob.files, 'a')
    await settle()
    expect([before <= 3, lab.sent()['a to bob']]).to.deep.equal([true, 4])
  })

  it('forgets what a link asked for when it is gone', async () => {
    lab.dispatch.add('a', new Content(new Source()), 1)
    lab.room = 0
    lab.want(bob, 'a', 0, 8)
    await settle()
    lab.dispatch.handleClosed(bob.files)
    lab.room = Infinity
    await settle()
    expect(lab.told).to.deep.equal(['abort'])
    lab.want(bob, 'a', 0, 8)
    await settle()
    expect(lab.sent()).to.deep.equal({ 'a to bob': 8 })
  })

  it('tells of a block that cannot be read', async () => {
    const source = new Source()
    source.isBroken = true
    lab.dispatch.add('a', new Content(source), 1)
    lab.want(bob, 'a', 0, 1)
    await settle()
    expect(lab.told[0]).to.equal('a failed MSG_ERR_TRANSFER_CHANGED')
  })

  it('ends nothing when a link takes no more streams, and goes on when that asks again', async () => {
    lab.dispatch.add('a', new Content(new Source()), 1)
    lab.grants = 0
    lab.want(bob, 'a', 0, 4)
    await settle()
    expect(lab.told).to.deep.equal([])
    lab.grants = Infinity
    lab.want(eve, 'a', 0, 2)
    lab.want(bob, 'a', 0, 4)
    await settle()
    expect(lab.sent()).to.deep.equal({ 'a to eve': 2, 'a to bob': 4 })
  })

  it('opens another stream when the receiver wanted no more of the former one', async () => {
    lab.dispatch.add('a', new Content(new Source()), 1)
    lab.want(bob, 'a', 0, 1)
    await settle()
    lab.streams[0]!.onStop!(0)
    for (let i = 0; i < 2; i++) {
      lab.want(bob, 'a', 1, 2)
      await settle()
    }
    expect([lab.streams.length, lab.sent()]).to.deep.equal([2, { 'a to bob': 2 }])
  })
})
