import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'chai'
import { FileLock } from '../../../src/core/io/file-lock.ts'
import { expectCode } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

const HOLDER = `
import { FileLock } from ${JSON.stringify(new URL('../../../src/core/io/file-lock.ts', import.meta.url).href)}
globalThis.lock = FileLock.acquire(process.argv[1])
process.stdout.write(globalThis.lock ? 'held' : 'refused')
setInterval(() => {}, 1_000)
`

describe('io/file-lock', () => {
  afterEach(removeTempDirs)

  it('excludes a second lock in the same process until it is released', () => {
    const path = join(tempDir(), 'lock')
    const lock = FileLock.acquire(path)
    expect(lock).to.be.instanceOf(FileLock)
    expect(FileLock.acquire(path)).to.equal(undefined)
    expect(FileLock.acquire(path)).to.equal(undefined)
    lock?.release()
    lock?.release()
    const again = FileLock.acquire(path)
    expect(again).to.be.instanceOf(FileLock)
    again?.release()
  })

  it('excludes another process, and is free when that process is killed', async () => {
    const path = join(tempDir(), 'lock')
    const args = ['--import', 'tsx', '--input-type=module', '--eval', HOLDER, path]
    const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = (await once(holder.stdout, 'data')) as [Buffer]
    expect(said.toString()).to.equal('held')
    expect(FileLock.acquire(path)).to.equal(undefined)
    holder.kill('SIGKILL')
    await once(holder, 'close')
    const lock = FileLock.acquire(path)
    expect(lock).to.be.instanceOf(FileLock)
    lock?.release()
  })

  it('says when the directory cannot be used', () => {
    expectCode(() => FileLock.acquire(join(tempDir(), 'missing', 'lock')), 'MSG_ERR_DIRECTORY_ACCESS')
  })
})
