import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { useTempDir } from '../../helpers/temp-dir.ts'
import { World } from '../../helpers/world.ts'

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('files between clients', () => {
  const directory = useTempDir()
  let world: World
  beforeEach(async () => {
    world = await World.start()
  })
  afterEach(() => world.end())

  /** A file of random bytes. */
  const file = (name: string, size: number): { path: string; bytes: Buffer } => {
    const path = join(directory(), name)
    const bytes = randomBytes(size)
    writeFileSync(path, bytes)
    return { path, bytes }
  }
  const inbox = (): string => {
    const path = join(directory(), 'inbox')
    mkdirSync(path, { recursive: true })
    return path
  }

  for (const size of [0, 1, 1_048_576, 5_000_001]) {
    it(`a file of ${size} bytes arrives whole, with a receipt on both sides`, async () => {
      const [alice, bob] = await world.pair()
      const { path, bytes } = file('photo.jpg', size)
      const { id } = await alice.client.sendFiles('bob', [path])
      const offered = await bob.heard('transfer.offered')
      expect(offered).to.deep.include({ id, from: 'alice', name: 'photo.jpg', kind: 'file', size, files: 1 })
      await bob.client.acceptTransfer(id, { to: inbox() })
      const done = await bob.heard('transfer.done')
      const landed = readFileSync(join(inbox(), 'photo.jpg'))
      expect(sha(landed)).to.equal(sha(bytes))
      expect(done).to.deep.include({
        id,
        direction: 'in',
        with: 'alice',
        bytes: size,
        lastByte: bytes.at(-1) ?? null,
        path: join(inbox(), 'photo.jpg'),
        via: 'lan',
      })
      const sent = await alice.heard('transfer.done')
      expect(sent).to.deep.include({ id, direction: 'out', with: 'bob', bytes: size, path: null })
      expect([sent.root, sent.lastByte]).to.deep.equal([done.root, done.lastByte])
      expect(bob.client.transfers().map(({ state }) => state)).to.deep.equal(['done'])
    })
  }

  it('a folder arrives with everything in it', async () => {
    const [alice, bob] = await world.pair()
    const root = join(directory(), 'project')
    mkdirSync(join(root, 'src', 'deep'), { recursive: true })
    const contents = new Map(
      ['readme.md', 'src/a.ts', 'src/deep/b.bin', 'src/empty'].map((name, i) => [
        name,
        randomBytes(i === 3 ? 0 : 300_000 * (i + 1)),
      ]),
    )
    for (const [name, bytes] of contents) writeFileSync(join(root, name), bytes)
    const { id } = await alice.client.sendFiles('bob', [root])
    await bob.heard('transfer.offered')
    await bob.client.acceptTransfer(id, { to: inbox() })
    await bob.heard('transfer.done')
    for (const [name, bytes] of contents)
      expect(sha(readFileSync(join(inbox(), 'project', name))), name).to.equal(sha(bytes))
  })

  it('what a stream brings arrives, its size known at the end', async () => {
    const [alice, bob] = await world.pair()
    const bytes = randomBytes(3_456_789)
    const chunks = Array.from({ length: 60 }, (_, i) => bytes.subarray(i * 60_000, (i + 1) * 60_000))
    const { id } = await alice.client.sendStream('bob', Readable.from(chunks), { name: 'dump.tar' })
    const offered = await bob.heard('transfer.offered')
    expect(offered).to.deep.include({ id, kind: 'stream', size: null })
    await bob.client.acceptTransfer(id, { to: inbox() })
    const done = await bob.heard('transfer.done')
    expect(done.bytes).to.equal(bytes.byteLength)
    expect(sha(readFileSync(join(inbox(), 'dump.tar')))).to.equal(sha(bytes))
  })

  it('a declined offer is told, and nothing lands', async () => {
    const [alice, bob] = await world.pair()
    const { id } = await alice.client.sendFiles('bob', [file('no.txt', 10).path])
    await bob.heard('transfer.offered')
    await bob.client.declineTransfer(id)
    expect(await alice.heard('transfer.declined')).to.deep.include({ id, with: 'bob', name: 'no.txt' })
    expect(readdirSync(inbox())).to.deep.equal([])
  })

  it('an offer that is taken back, or taken on another device, is told', async () => {
    const [alice, bob] = await world.pair()
    const { id } = await alice.client.sendFiles('bob', [file('no.txt', 10).path])
    await bob.heard('transfer.offered')
    await alice.client.stopTransfer(id)
    expect(await bob.heard('transfer.withdrawn')).to.deep.include({ id, with: 'alice', name: 'no.txt' })
    const other = await world.again('bob', { home: 'elsewhere', accept: 'everyone' })
    const next = await alice.client.sendFiles('bob', [file('yes.txt', 10).path])
    for (const device of [bob, other]) await device.heard('transfer.offered', (event) => event.id === next.id)
    await other.client.acceptTransfer(next.id, { to: inbox() })
    await bob.heard('transfer.withdrawn', (event) => event.id === next.id)
    await other.heard('transfer.done')
  })

  it('the sender hears why a receiver cannot go on, and serves it when it can', async () => {
    const [alice, bob] = await world.pair()
    const { path, bytes } = file('big.bin', 3_000_000)
    const { id } = await alice.client.sendFiles('bob', [path])
    await bob.heard('transfer.offered')
    await bob.client.acceptTransfer(id, { to: path })
    const { code } = await bob.heard('transfer.failed')
    expect(code).to.equal('MSG_ERR_DIRECTORY_ACCESS')
    expect((await alice.heard('transfer.failed')).message).to.contain('big.bin, at bob')
    await bob.client.acceptTransfer(id, { to: inbox() })
    await bob.heard('transfer.done')
    expect(sha(readFileSync(join(inbox(), 'big.bin')))).to.equal(sha(bytes))
  })

  it('a transfer that is paused, continued, stopped and accepted again ends whole', async () => {
    const [alice, bob] = await world.pair()
    const { path, bytes } = file('big.bin', 60_000_000)
    const { id } = await alice.client.sendFiles('bob', [path])
    await bob.heard('transfer.offered')
    await bob.client.acceptTransfer(id, { to: inbox() })
    await bob.heard('transfer.started')
    await bob.client.pauseTransfer(id)
    await alice.heard('transfer.paused')
    await bob.client.continueTransfer(id)
    await alice.heard('transfer.continued')
    await bob.heard('transfer.progress')
    await bob.client.stopTransfer(id)
    expect(await alice.heard('transfer.stopped')).to.deep.include({ id, by: 'them' })
    expect(readdirSync(inbox())).to.deep.equal(['.msg-partial'])
    const again = await alice.client.sendFiles('bob', [path])
    await bob.heard('transfer.offered', ({ id }) => id === again.id)
    await bob.client.acceptTransfer(again.id, { to: inbox() })
    await bob.heard('transfer.done')
    expect(sha(readFileSync(join(inbox(), 'big.bin')))).to.equal(sha(bytes))
  })

  it('a file that changes while it is offered is not sent', async () => {
    const [alice, bob] = await world.pair()
    const { path } = file('moving.log', 3_000_000)
    const { id } = await alice.client.sendFiles('bob', [path])
    await bob.heard('transfer.offered')
    writeFileSync(path, randomBytes(3_000_001))
    await bob.client.acceptTransfer(id, { to: inbox() })
    expect(await bob.heard('transfer.failed')).to.deep.include({ id, code: 'MSG_ERR_TRANSFER_CHANGED' })
    expect(await alice.heard('transfer.failed')).to.deep.include({ id, code: 'MSG_ERR_TRANSFER_CHANGED' })
    expect(readdirSync(inbox()).filter((name) => name !== '.msg-partial')).to.deep.equal([])
  })

  it('several files go both ways at once, and chat beside them', async () => {
    const [alice, bob] = await world.pair()
    const files = Array.from({ length: 6 }, (_, i) => file(`f${i}.bin`, 2_000_000 + i))
    const offers = await Promise.all(
      files.map(({ path }, i) => (i % 2 ? alice : bob).client.sendFiles(i % 2 ? 'bob' : 'alice', [path])),
    )
    for (const [i, { id }] of offers.entries()) {
      const receiver = i % 2 ? bob : alice
      await receiver.heard('transfer.offered', (event) => event.id === id)
      await receiver.client.acceptTransfer(id, { to: inbox() })
    }
    await alice.client.send('are they there?')
    expect(await bob.messages(1)).to.deep.equal(['are they there?'])
    for (const [i, { id }] of offers.entries())
      await (i % 2 ? bob : alice).heard('transfer.done', (event) => event.id === id)
    for (const [i, { bytes }] of files.entries())
      expect(sha(readFileSync(join(inbox(), `f${i}.bin`)))).to.equal(sha(bytes))
  })
})
