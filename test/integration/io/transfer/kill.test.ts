import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { DiskStore } from '../../../../src/core/io/transfer/disk-store.ts'
import { indicesOf, madeUp, type Content } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { removeTempDirs, tempDir } from '../../../helpers/temp.ts'

const program = new URL('../../../fixtures/receiving-process.ts', import.meta.url).pathname

/** Runs until `delay` ms after it said `word`, and is killed then. @returns what it said. */
async function killed(root: string, files: number, size: number, word: string, delay: number): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, root, `${files}`, `${size}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  const ended = once(child, 'exit')
  for await (const chunk of child.stdout) {
    said += String(chunk)
    if (said.includes(word)) break
  }
  await sleep(delay)
  child.kill('SIGKILL')
  await ended
  return said
}

describe('transfer: kill -9 of a receiver', function () {
  this.timeout(120_000)
  const disk = useDiskThread()
  afterEach(removeTempDirs)

  /** Takes it up in this process, checks every block that is believed, and brings it to its end. */
  async function finish(root: string, content: Content): Promise<{ believed: number; name: string }> {
    const store = await DiskStore.open(disk, { root, manifest: content.manifest, key: content.key })
    const believed = store.verified
    for (const index of indicesOf(content)) {
      const { bytes, hash } = content.block(index)
      if (store.has(index)) {
        expect(Buffer.from(store.hash(index)!).equals(hash), `hash of block ${index}`).to.equal(true)
        expect(Buffer.compare((await store.read(index))!, bytes), `bytes of block ${index}`).to.equal(0)
      } else if (!store.hasLanded) await store.write(index, bytes, hash)
    }
    return { believed, name: (await store.land()).name }
  }

  function checkLanded(root: string, content: Content): void {
    expect(readdirSync(root)).to.deep.equal(['sent'])
    let at = 0
    for (const { path, size } of content.manifest.entries) {
      const file = content.manifest.kind === 'file' ? join(root, 'sent') : join(root, 'sent', path)
      expect(readFileSync(file).equals(content.bytes.subarray(at, at + size)), path).to.equal(true)
      at += size
    }
  }

  for (const [what, files, size] of [
    ['one large file', 1, 64 * 1_048_576],
    ['many small files', 3_000, 4_097],
  ] as const)
    it(`believes no block of ${what} that is not right, whenever it was killed`, async () => {
      const content = madeUp(files, size)
      const root = tempDir()
      let most = 0
      for (const delay of [0, 15, 40, 80]) {
        await killed(root, files, size, 'open', delay)
        const partial = join(root, '.msg-partial', content.key)
        if (!existsSync(partial)) break
        const logged = Math.floor(statSync(join(partial, 'blocks')).size / 40)
        most = Math.max(most, logged)
      }
      const { believed, name } = await finish(root, content)
      expect(name).to.equal('sent')
      expect(believed, 'what was there counts').to.be.at.least(existsSync(join(root, 'sent')) ? 0 : most)
      checkLanded(root, content)
    })

  it('lands once when it was killed while landing', async () => {
    for (const delay of [0, 10, 25, 60]) {
      const content = madeUp(2_000, 100)
      const root = tempDir()
      const said = await killed(root, 2_000, 100, 'landing', delay)
      if (!said.includes('landed')) await finish(root, content)
      checkLanded(root, content)
    }
  })
})
