import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { DiskThread } from '../../../../src/core/io/transfer/disk-thread.ts'
import { WritableStore } from '../../../../src/core/io/transfer/writable-store.ts'
import { contentOf } from '../../../helpers/content.ts'
import { expectRejects } from '../../../helpers/errors.ts'

/** A stream that takes a chunk when the test says so. */
class SlowSink extends Writable {
  readonly taken: Buffer[] = []
  #done: ((error?: Error | null) => void) | undefined

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.taken.push(chunk)
    this.#done = done
  }

  get isBusy(): boolean {
    return this.#done !== undefined
  }

  async take(error?: Error): Promise<void> {
    while (!this.#done) await turn()
    const done = this.#done
    this.#done = undefined
    done(error)
    await turn()
  }
}

describe('a download into a stream', () => {
  const content = contentOf({ a: randomBytes(5 * 262_144 - 7) })
  let disk: DiskThread
  let sink: SlowSink

  before(() => {
    disk = new DiskThread()
  })
  after(() => disk.close())
  beforeEach(() => {
    sink = new SlowSink()
  })

  const open = (): Promise<WritableStore> => WritableStore.open(disk, { to: sink, manifest: content.manifest })
  const put = (store: WritableStore, index: number): Promise<void> => {
    const written = store.write(index, content.block(index).bytes, content.block(index).hash)
    // Looked at later.
    written.catch(() => {})
    return written
  }

  it('waits with the next block until the stream has taken the one before', async () => {
    const store = await open()
    let isTaken = false
    const first = put(store, 0)
    void first.then(() => (isTaken = true))
    while (!sink.isBusy) await turn()
    const second = put(store, 1)
    for (let i = 0; i < 50; i++) await turn()
    expect(isTaken).to.equal(false)
    expect(sink.taken).to.have.length(1)
    await sink.take()
    await first
    await sink.take()
    await second
    expect(sink.taken).to.have.length(2)
    await store.discard()
  })

  it('hands on in order what came in any order', async () => {
    const store = await open()
    for (const index of [3, 1, 4, 2]) await put(store, index)
    expect(sink.taken).to.have.length(0)
    const first = put(store, 0)
    for (let i = 0; i < 5; i++) await sink.take()
    await first
    const landed = await store.land()
    expect(landed).to.deep.equal({ path: null, name: 'sent', files: 1, size: content.bytes.length })
    expect(Buffer.concat(sink.taken).equals(content.bytes)).to.equal(true)
    expect(sink.writableEnded).to.equal(false)
  })

  it('keeps its own copy: the caller may use the memory again', async () => {
    const store = await open()
    const { bytes, hash } = content.block(1)
    const lent = Buffer.from(bytes)
    await store.write(1, lent, hash)
    lent.fill(0)
    const first = put(store, 0)
    await sink.take()
    await sink.take()
    await first
    expect(sink.taken[1]!.equals(bytes)).to.equal(true)
    await store.discard()
  })

  it('ends when whoever reads has gone, and says how far it was', async () => {
    const store = await open()
    const first = put(store, 0)
    await sink.take()
    await first
    const second = put(store, 1)
    const third = put(store, 2)
    await sink.take(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    const error = await expectRejects(second, 'MSG_ERR_CANCELLED')
    expect(error.message).to.equal('cancelled: whoever read the output has gone after 262,144 bytes')
    await expectRejects(third, 'MSG_ERR_CANCELLED')
    await expectRejects(put(store, 3), 'MSG_ERR_CANCELLED')
    await expectRejects(store.land(), 'MSG_ERR_CANCELLED')
  })

  it('ends when the disk behind the stream is full', async () => {
    const store = await open()
    const first = put(store, 0)
    await sink.take(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }))
    await expectRejects(first, 'MSG_ERR_TRANSFER_NO_SPACE')
  })

  it('leaves nobody waiting for a stream that was closed', async () => {
    const store = await open()
    const first = put(store, 0)
    while (!sink.isBusy) await turn()
    sink.destroy()
    await expectRejects(first, 'MSG_ERR_CANCELLED')
    await store.keep()
  })

  it('is told to stop while the stream takes nothing', async () => {
    const store = await open()
    const first = put(store, 0)
    while (!sink.isBusy) await turn()
    await store.keep()
    await expectRejects(first, 'MSG_ERR_CANCELLED')
  })

  it('takes no folder', async () => {
    const folder = contentOf({ a: 'one', b: 'two' })
    await expectRejects(WritableStore.open(disk, { to: sink, manifest: folder.manifest }), 'MSG_ERR_USAGE')
  })
})
