import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { PluginWorld } from 'msg-cli/testing'
import client from '../src/client.ts'
import server from '../src/server.ts'

describe('file-download at the prompt', () => {
  const folder = mkdtempSync(join(tmpdir(), 'msg-shelf-'))
  let world: PluginWorld

  before(async () => {
    mkdirSync(join(folder, 'docs'))
    for (const name of ['guide.txt', 'two words.txt', '.hidden']) writeFileSync(join(folder, 'docs', name), 'x')
    world = await PluginWorld.start({
      server: [{ plugin: server, options: { files: folder } }],
      client: [{ plugin: client }],
    })
  })
  after(async () => {
    await world.close()
    rmSync(folder, { recursive: true })
  })

  it('lists a folder', async () => {
    const alice = await world.connect('alice')
    const { files } = (await alice.run('files', { folder: 'docs/' })) as { files: Array<{ name: string }> }
    expect(files.map(({ name }) => name)).to.deep.equal(['guide.txt', 'two words.txt'])
  })

  it('completes what is on the shelf, folder by folder, as far as it can be typed without quotes', async () => {
    const alice = await world.connect('alice')
    expect(await alice.complete('download', [''])).to.deep.equal(['docs/'])
    expect(await alice.complete('download', ['docs/gu'])).to.deep.equal(['docs/guide.txt'])
    expect(await alice.complete('files', ['docs/'])).to.deep.equal(['docs/guide.txt'])
    expect(await alice.complete('download', ['docs/guide.txt', ''])).to.deep.equal([])
  })

  it('is off until somebody says what is on the shelf', async () => {
    const other = await PluginWorld.start({ server: [{ plugin: server }], client: [{ plugin: client }] })
    expect(other.status()[0]).to.include({ id: 'file-download', state: 'off' })
    await other.close()
  })
})
