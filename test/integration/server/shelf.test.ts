import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import clientHalf from '../../../plugins/file-download/src/client.ts'
import serverHalf from '../../../plugins/file-download/src/server.ts'
import type { Client } from '../../../src/core/client/api.ts'
import { createClient } from '../../../src/core/client/create-client.ts'
import { Values } from '../../../src/cli/lines/values.ts'
import { MsgError } from '../../../src/core/errors.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { createServer } from '../../../src/core/server/create-server.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('a download from the shelf', () => {
  const directory = useTempDir()
  const bytes = randomBytes(9_000_000)
  let server: Server
  let client: Client

  beforeEach(async () => {
    mkdirSync(join(directory(), 'shelf'))
    writeFileSync(join(directory(), 'shelf', 'a b.bin'), bytes)
    server = await createServer({
      dataDir: join(directory(), 'server'),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      plugins: [{ plugin: serverHalf, options: { files: join(directory(), 'shelf') } }],
    })
    client = await createClient({
      server: `127.0.0.1:${server.address.port}`,
      dataDir: join(directory(), 'alice'),
      listening: false,
      downloading: true,
      plugins: [{ plugin: clientHalf }],
    })
    await client.register('alice', 'secret')
  })
  afterEach(async () => {
    await client.close()
    await server.close()
  })

  const to = (): string => join(directory(), 'in')
  const download = async (
    options: Readonly<Record<string, string>> = {},
    confirm?: (question: string) => Promise<boolean>,
    signal = new AbortController().signal,
  ): Promise<Record<string, unknown>> => {
    const command = client.commands.find(({ name }) => name === 'download')!
    const values = new Values(Object.entries({ name: 'a b.bin', to: to(), ...options }))
    return (await command.run(values, { signal, confirm })) as Record<string, unknown>
  }

  it('asks once, when the checkpoint is crossed, and goes on with a yes', async () => {
    const asked: string[] = []
    const { download: done } = await download({ checkpoint: '30%' }, async (question) => {
      asked.push(question)
      return true
    })
    expect(done).to.include({ from: 'a b.bin', bytes: bytes.byteLength, lastByte: bytes.at(-1) })
    expect(readFileSync(join(to(), 'a b.bin')).equals(bytes)).to.equal(true)
    expect(asked).to.have.length(1)
    expect(asked[0]).to.match(/^a b\.bin: .* of 9\.00 MB are here\. Continue\?$/)
  })

  it('stops with a no, keeps what has arrived, and asks no more when it goes on past the checkpoint', async () => {
    const stopped = await expectRejects(
      download({ checkpoint: '50%' }, async () => false),
      'MSG_ERR_TRANSFER_STOPPED',
    )
    expect(stopped.spec.exit).to.equal(8)
    expect(readdirSync(to())).to.deep.equal(['.msg-partial'])
    await download({ checkpoint: '50%' }, () => Promise.reject(new Error('asked again')))
    expect(readFileSync(join(to(), 'a b.bin')).equals(bytes)).to.equal(true)
  })

  it('asks nobody with --checkpoint none', async () => {
    await download({ checkpoint: 'none' }, () => Promise.reject(new Error('asked')))
    expect(readFileSync(join(to(), 'a b.bin')).equals(bytes)).to.equal(true)
  })

  it('stops when its command is to end', async () => {
    const end = new AbortController()
    const stopped = download({ limit: '1MB/s', checkpoint: 'none' }, undefined, end.signal)
    setTimeout(() => end.abort(), 300)
    await expectRejects(stopped, 'MSG_ERR_TRANSFER_STOPPED')
    await expectRejects(download({}, undefined, end.signal), 'MSG_ERR_CANCELLED')
  })

  it('is not for a client without UDP, which is told', async () => {
    const other = await createClient({
      server: `127.0.0.1:${server.address.port}`,
      dataDir: join(directory(), 'bob'),
      listening: false,
      plugins: [{ plugin: clientHalf }],
    })
    await other.register('bob', 'secret')
    const [files, fetch] = other.commands
    const context = { signal: new AbortController().signal, confirm: undefined }
    expect(await files!.run(new Values(), context))
      .to.have.property('files')
      .with.length(1)
    await expectRejects(
      fetch!.run(new Values([['name', 'a b.bin']]), context).catch((error: unknown) => {
        throw MsgError.of(error)
      }),
      'MSG_ERR_USAGE',
    )
    await other.close()
  })
})
