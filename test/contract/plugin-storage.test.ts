import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { KeyValueFile } from '../../src/core/io/key-value-file.ts'
import type { PluginStorage } from '../../src/core/plugins/scope-api.ts'
import { MemoryStorage } from '../../src/core/testing/memory-storage.ts'
import { expectRejects } from '../helpers/errors.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('storage of plugins', () => {
  const directory = useTempDir()
  const path = (): string => join(directory(), 'plugins', 'x.db')
  const MAKERS: ReadonlyArray<readonly [string, () => PluginStorage & { close(): void }]> = [
    ['in a file', () => new KeyValueFile(path())],
    ['in memory', () => new MemoryStorage()],
  ]

  for (const [where, make] of MAKERS)
    describe(where, () => {
      let storage: ReturnType<typeof make>
      beforeEach(() => (storage = make()))
      afterEach(() => storage.close())

      it('gives back what was put last, and nothing for what is not there', async () => {
        expect(await storage.get('a')).to.equal(undefined)
        for (const value of [1, null, 'text', [1, { b: 2 }], { deep: { er: true } }]) {
          await storage.put('a', value)
          expect(await storage.get('a')).to.deep.equal(value)
        }
        await storage.delete('a')
        await storage.delete('never there')
        expect(await storage.get('a')).to.equal(undefined)
      })

      it('lists in the order of keys, by prefix, page by page', async () => {
        const keys = ['b', 'a:2', 'a:1', 'a:10', 'ä', 'a%', 'a_', 'Ω𝄞']
        for (const key of keys) await storage.put(key, key)
        const all = (await storage.list()).map(({ key }) => key)
        expect(all).to.deep.equal([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
        expect((await storage.list({ prefix: 'a:' })).map(({ key }) => key)).to.deep.equal(['a:1', 'a:10', 'a:2'])
        const page = await storage.list({ prefix: 'a:', after: 'a:1', limit: 1 })
        expect(page).to.deep.equal([{ key: 'a:10', value: 'a:10' }])
        expect(await storage.list({ prefix: 'a:', after: 'b' })).to.deep.equal([])
        expect((await storage.list({ prefix: 'a%' })).map(({ key }) => key)).to.deep.equal(['a%'])
      })

      it('refuses what is too large, or no JSON, and keeps what it had', async () => {
        await storage.put('a', 1)
        await expectRejects(storage.put('a', 'x'.repeat(65_536)), 'MSG_ERR_LIMIT')
        await expectRejects(storage.put('', 1), 'MSG_ERR_LIMIT')
        await expectRejects(storage.get('k'.repeat(257)), 'MSG_ERR_LIMIT')
        await expectRejects(
          storage.put('a', () => {}),
          'MSG_ERR_USAGE',
        )
        for (const limit of [0, 1_001, 1.5]) await expectRejects(storage.list({ limit }), 'MSG_ERR_USAGE')
        expect(await storage.get('a')).to.equal(1)
      })

      it('finds keys by a prefix that has a NUL in it, and says so when a value is no JSON', async () => {
        for (const key of ['a\0b', 'a\0c', 'a']) await storage.put(key, key)
        expect((await storage.list({ prefix: 'a\0' })).map(({ key }) => key)).to.deep.equal(['a\0b', 'a\0c'])
        await expectRejects(storage.put('a', 1n), 'MSG_ERR_USAGE')
      })

      it('takes keys that are names of something else', async () => {
        for (const key of ['__proto__', 'constructor', "'; DROP TABLE entry"]) {
          expect(await storage.get(key)).to.equal(undefined)
          await storage.put(key, key)
          expect(await storage.get(key)).to.equal(key)
        }
      })
    })

  it('outlives its file being closed, for this user alone, and two may have it open', async () => {
    const one = new KeyValueFile(path())
    const two = new KeyValueFile(path())
    await one.put('a', 1)
    await two.put('b', 2)
    expect(await one.list()).to.have.length(2)
    one.close()
    two.close()
    const again = new KeyValueFile(path())
    expect(await again.get('b')).to.equal(2)
    again.close()
    expect(statSync(path()).mode & 0o777).to.equal(0o600)
    expect(readFileSync(path()).subarray(0, 6).toString()).to.equal('SQLite')
    await expectRejects(again.get('a'), 'MSG_ERR_STORAGE_FAILED')
  })

  it('is bounded in all, whatever is put in place of what', async () => {
    const storage = new KeyValueFile(path(), 1_000)
    await storage.put('a', 'x'.repeat(400))
    await storage.put('b', 'x'.repeat(400))
    await expectRejects(storage.put('c', 'x'.repeat(400)), 'MSG_ERR_LIMIT')
    expect((await storage.list()).map(({ key }) => key)).to.deep.equal(['a', 'b'])
    await storage.put('a', 'x')
    await storage.put('c', 'x'.repeat(400))
    await storage.delete('b')
    await storage.put('d', 'x'.repeat(400))
    storage.close()
  })

  it('says so when its file cannot be made', async () => {
    mkdirSync(path(), { recursive: true })
    await expectRejects(new KeyValueFile(path()).get('a'), 'MSG_ERR_DIRECTORY_ACCESS')
  })
})
