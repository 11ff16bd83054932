import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { BlockBuffers } from '../../../../src/core/io/transfer/block-buffers.ts'
import { isShared } from '../../../../src/core/wire/copy.ts'
import { DiskThread } from '../../../../src/core/io/transfer/disk-thread.ts'
import { sha256 } from '../../../helpers/content.ts'
import { expectRejects } from '../../../helpers/errors.ts'

describe('transfer: the disk thread', () => {
  let disk: DiskThread
  beforeEach(() => {
    disk = new DiskThread()
  })
  afterEach(() => disk.close())
  const shared = (text: string): Uint8Array => {
    const bytes = new BlockBuffers(text.length).take()
    bytes.set(Buffer.from(text))
    return bytes
  }

  it('hashes what lies in shared memory', async () => {
    const [one, two] = await Promise.all([
      disk.run('hash', { bytes: shared('one') }),
      disk.run('hash', { bytes: shared('two') }),
    ])
    expect(Buffer.from(one).equals(sha256(Buffer.from('one')))).to.equal(true)
    expect(Buffer.from(two).equals(sha256(Buffer.from('two')))).to.equal(true)
  })

  it('goes on after a job that failed, with the code of the table', async () => {
    await expectRejects(disk.run('list', { path: '/nowhere/at/all', limit: 1 }), 'MSG_ERR_DIRECTORY_ACCESS')
    await expectRejects(disk.run('list', { path: '/', limit: 1 }), 'MSG_ERR_LIMIT')
    expect(await disk.run('hash', { bytes: shared('x') })).to.have.length(32)
  })

  it('may be started before it has something to do, and is not started once it was closed', async () => {
    disk.start()
    disk.start()
    expect(await disk.run('hash', { bytes: shared('x') })).to.have.length(32)
    await disk.close()
    disk.start()
    await expectRejects(disk.run('hash', { bytes: shared('x') }), 'MSG_ERR_CANCELLED')
  })

  it('rejects what waits when it is closed, and everything after', async () => {
    const waiting = disk.run('hash', { bytes: shared('x') })
    const closing = disk.close()
    await expectRejects(waiting, 'MSG_ERR_CANCELLED')
    await closing
    await expectRejects(disk.run('hash', { bytes: shared('x') }), 'MSG_ERR_CANCELLED')
    await disk.close()
  })

  it('keeps no process alive once it has answered', () => {
    const url = new URL('../../../../src/core/io/transfer/disk-thread.ts', import.meta.url)
    const script = `
      import { DiskThread } from '${url.href}'
      const bytes = new Uint8Array(new SharedArrayBuffer(1))
      console.log((await new DiskThread().run('hash', { bytes })).length)`
    const options = { cwd: join(import.meta.dirname, '../../../..'), timeout: 15_000 }
    const said = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], options)
    expect(String(said)).to.equal('32\n')
  })

  it('knows shared memory from other', () => {
    expect(isShared(shared('x'))).to.equal(true)
    expect(isShared(new Uint8Array(1))).to.equal(false)
  })

  it('takes back no buffer of another size, and keeps a few only', () => {
    const buffers = new BlockBuffers(16)
    buffers.give(new BlockBuffers(8).take())
    expect(buffers.take().buffer.byteLength).to.equal(16)
    const taken = Array.from({ length: 40 }, () => buffers.take())
    for (const bytes of taken) buffers.give(bytes)
    const again = new Set(Array.from({ length: 40 }, () => buffers.take().buffer))
    expect(taken.filter(({ buffer }) => again.has(buffer))).to.have.length(32)
  })
})
