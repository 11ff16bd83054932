import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { useTempDir } from '../../helpers/temp-dir.ts'
import { World, type Person } from '../../helpers/world.ts'

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('files in rooms', () => {
  const directory = useTempDir()
  let world: World
  beforeEach(async () => {
    world = await World.start()
  })
  afterEach(() => world.end())

  /** Users in one room; the first owns it. */
  const room = async (...names: string[]): Promise<Person[]> => {
    const people: Person[] = []
    for (const name of names) people.push(await world.person(name, { keepOpen: true }))
    await people[0]!.client.createRoom('lab')
    for (const { client } of people.slice(1)) await client.enterRoom('lab')
    const last = names.at(-1)
    for (const person of people.slice(0, -1)) await person.heard('room.joined', ({ user }) => user === last)
    return people
  }
  const file = (name: string, size: number): { path: string; bytes: Buffer } => {
    const path = join(directory(), name)
    const bytes = randomBytes(size)
    writeFileSync(path, bytes)
    return { path, bytes }
  }
  const inbox = (name: string): string => {
    const path = join(directory(), `inbox-${name}`)
    mkdirSync(path, { recursive: true })
    return path
  }
  const receive = async (person: Person, id: string): Promise<void> => {
    await person.heard('transfer.offered', (event) => event.id === id)
    await person.client.acceptTransfer(id, { to: inbox(person.client.user!) })
  }
  const landed = (person: Person, name: string): string => sha(readFileSync(join(inbox(person.client.user!), name)))

  it('every member fetches what one of them offers', async () => {
    const [alice, bob, eve, dan] = (await room('alice', 'bob', 'eve', 'dan')) as [Person, Person, Person, Person]
    const { path, bytes } = file('talk.mp4', 20_000_001)
    const { id } = await bob.client.sendFiles({ room: 'lab' }, [path])
    const offered = await eve.heard('transfer.offered')
    expect(offered).to.deep.include({ id, from: 'bob', room: 'lab', name: 'talk.mp4', size: bytes.byteLength })
    await Promise.all([alice, eve, dan].map((person) => receive(person, id)))
    for (const person of [alice, eve, dan]) {
      const done = await person.heard('transfer.done')
      expect(done).to.deep.include({ id, with: 'bob', room: 'lab', lastByte: bytes.at(-1) })
      expect(landed(person, 'talk.mp4')).to.equal(sha(bytes))
    }
    const told = await bob.heardTimes('transfer.done', 3)
    expect(told.map((event) => (event as { with: string }).with).sort()).to.deep.equal(['alice', 'dan', 'eve'])
  })

  it('who comes later is offered it, too, and gets it from those who have it', async () => {
    const [alice, bob, eve] = (await room('alice', 'bob', 'eve')) as [Person, Person, Person]
    const { path, bytes } = file('late.bin', 12_000_000)
    const { id } = await bob.client.sendFiles({ room: 'lab' }, [path])
    await receive(eve, id)
    await eve.heard('transfer.done')
    const dan = await world.person('dan')
    await dan.client.enterRoom('lab')
    // The one who offered it may send next to nothing: the rest comes from eve.
    await bob.client.setTransferLimit(100_000, id)
    await receive(dan, id)
    const done = await dan.heard('transfer.done')
    expect(done.sources).to.be.greaterThan(1)
    expect(landed(dan, 'late.bin')).to.equal(sha(bytes))
    expect(alice.client.transfers().map(({ state }) => state)).to.deep.equal(['offered'])
  })

  it('a download goes on while its sources go one after the other', async () => {
    const [alice, bob, eve, dan] = (await room('alice', 'bob', 'eve', 'dan')) as [Person, Person, Person, Person]
    const { path, bytes } = file('relay.bin', 30_000_000)
    const { id } = await bob.client.sendFiles({ room: 'lab' }, [path])
    for (const person of [eve, dan]) {
      await receive(person, id)
      await person.heard('transfer.done', (event) => event.id === id)
    }
    await alice.heard('transfer.offered')
    await alice.client.acceptTransfer(id, { to: inbox('alice'), limit: 8_000_000 })
    const progress = (least: number) => alice.heard('transfer.progress', (event) => event.bytes >= least)
    await progress(3_000_000)
    await bob.client.destroy()
    await progress(12_000_000)
    await dan.client.destroy()
    const done = await alice.heard('transfer.done')
    expect(done.bytes).to.equal(bytes.byteLength)
    expect(landed(alice, 'relay.bin')).to.equal(sha(bytes))
  })

  it('a member that sends something wrong is asked nothing more, and the rest comes from the others', async () => {
    const [alice, bob, eve] = (await room('alice', 'bob', 'eve')) as [Person, Person, Person]
    const { path, bytes } = file('truth.bin', 16_000_000)
    const { id } = await bob.client.sendFiles({ room: 'lab' }, [path])
    await receive(eve, id)
    await eve.heard('transfer.done')
    const false_ = join(inbox('eve'), 'truth.bin')
    const forged = readFileSync(false_)
    forged.fill(0)
    writeFileSync(false_, forged)
    await receive(alice, id)
    await alice.heard('transfer.done')
    expect(landed(alice, 'truth.bin')).to.equal(sha(bytes))
  })

  it('whoever is not in the room gets nothing', async () => {
    const [alice, bob] = (await room('alice', 'bob')) as [Person, Person]
    const { path } = file('secret.bin', 1_000_000)
    const eve = await world.person('eve')
    await world.introduce(eve, alice)
    await bob.client.sendFiles({ room: 'lab' }, [path])
    await alice.heard('transfer.offered')
    expect(eve.events.filter(({ type }) => type === 'transfer.offered')).to.deep.equal([])
  })
})
