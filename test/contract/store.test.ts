import { join } from 'node:path'
import { expect } from 'chai'
import { MemoryStore } from '../../src/core/store/memory.ts'
import { SqliteStore } from '../../src/core/store/sqlite.ts'
import { MAX_DEVICES, type Store } from '../../src/core/store/store.ts'
import { removeTempDirs, tempDir } from '../helpers/temp.ts'

const implementations: Record<string, () => Store> = {
  MemoryStore: () => new MemoryStore(),
  SqliteStore: () => new SqliteStore(join(tempDir(), 'server.db')),
}

for (const [name, create] of Object.entries(implementations)) {
  describe(`contract: ${name} is a Store`, () => {
    let store: Store
    const add = (user: string): ReturnType<Store['createAccount']> =>
      store.createAccount({ user, name: user.toUpperCase(), verifier: `v-${user}` })

    beforeEach(() => {
      store = create()
    })
    afterEach(() => {
      store.close()
      removeTempDirs()
    })

    it('starts empty', () => {
      expect(store.size).to.equal(0)
      expect(store.account('alice')).to.equal(undefined)
      expect(store.accountAt('100.64.0.1')).to.equal(undefined)
      expect(store.accounts('', 10)).to.deep.equal([])
      expect(store.load()).to.deep.equal({ sessions: [], rooms: [] })
    })

    it('makes an account once, and gives each the next virtual address', () => {
      const alice = { user: 'alice', name: 'ALICE', verifier: 'v-alice', virtualAddress: '100.64.0.1' }
      expect(add('alice')).to.deep.equal(alice)
      expect(store.createAccount({ user: 'alice', name: 'Alice', verifier: 'other' })).to.equal(undefined)
      expect(add('bob')?.virtualAddress).to.equal('100.64.0.2')
      expect(store.size).to.equal(2)
      expect(store.account('alice')).to.deep.equal(alice)
      expect(store.accountAt('100.64.0.2')?.user).to.equal('bob')
      expect(store.accountAt('100.64.0.3')).to.equal(undefined)
      expect(store.accountAt('bob')).to.equal(undefined)
    })

    it('lists accounts by name, page by page', () => {
      for (const user of ['carol', 'alice', 'dave', 'bob']) add(user)
      expect(store.accounts('', 2).map(({ user }) => user)).to.deep.equal(['alice', 'bob'])
      expect(store.accounts('bob', 2).map(({ user }) => user)).to.deep.equal(['carol', 'dave'])
      expect(store.accounts('dave', 2)).to.deep.equal([])
    })

    it('sets a verifier only in place of the expected one', () => {
      add('alice')
      expect(store.replaceVerifier('alice', 'wrong', 'new')).to.equal(false)
      expect(store.replaceVerifier('nobody', 'v-alice', 'new')).to.equal(false)
      expect(store.replaceVerifier('alice', 'v-alice', 'new')).to.equal(true)
      expect(store.account('alice')?.verifier).to.equal('new')
      expect(store.accountAt('100.64.0.1')?.verifier).to.equal('new')
    })

    it('remembers device keys of each account', () => {
      add('alice')
      add('bob')
      store.putDevice('alice', 'k1', 1)
      expect(store.hasDevice('alice', 'k1')).to.equal(true)
      expect(store.hasDevice('bob', 'k1')).to.equal(false)
      expect(store.hasDevice('alice', 'k2')).to.equal(false)
      expect(store.hasDevice('nobody', 'k1')).to.equal(false)
    })

    it('forgets the device key that was unused for longest when there are too many', () => {
      add('alice')
      for (let i = 0; i < MAX_DEVICES; i++) store.putDevice('alice', `k${i}`, i)
      store.putDevice('alice', 'k0', MAX_DEVICES)
      store.putDevice('alice', 'new', MAX_DEVICES + 1)
      expect(store.hasDevice('alice', 'k0')).to.equal(true)
      expect(store.hasDevice('alice', 'k1')).to.equal(false)
      expect(store.hasDevice('alice', 'k2')).to.equal(true)
      expect(store.hasDevice('alice', 'new')).to.equal(true)
    })

    it('keeps sessions until they are deleted', () => {
      const users = ['alice', 'bob'] as const
      store.apply([{ op: 'session.put', users, since: 5 }])
      store.apply([
        { op: 'session.put', users, since: 5 },
        { op: 'session.put', users: ['alice', 'carol'], since: 6 },
      ])
      expect(store.load().sessions).to.deep.equal([
        { users: ['alice', 'bob'], since: 5 },
        { users: ['alice', 'carol'], since: 6 },
      ])
      store.apply([
        { op: 'session.delete', users },
        { op: 'session.delete', users },
      ])
      expect(store.load().sessions.map((session) => session.users)).to.deep.equal([['alice', 'carol']])
    })

    it('keeps rooms with their owner and members', () => {
      store.apply([
        { op: 'room.put', room: 'lab', name: 'Lab', owner: 'alice' },
        { op: 'member.put', room: 'lab', user: 'alice' },
        { op: 'member.put', room: 'lab', user: 'bob' },
        { op: 'member.put', room: 'lab', user: 'bob' },
      ])
      expect(store.load().rooms).to.deep.equal([
        { room: 'lab', name: 'Lab', owner: 'alice', members: ['alice', 'bob'] },
      ])
      store.apply([{ op: 'member.delete', room: 'lab', user: 'alice' }])
      expect(store.load().rooms[0]?.members).to.deep.equal(['bob'])
      store.apply([{ op: 'room.delete', room: 'lab' }])
      expect(store.load().rooms).to.deep.equal([])
    })

    it('makes a room only if there is none, and forgets its members with it', () => {
      store.apply([
        { op: 'room.put', room: 'lab', name: 'Lab', owner: 'alice' },
        { op: 'room.put', room: 'lab', name: 'LAB', owner: 'mallory' },
        { op: 'member.put', room: 'lab', user: 'alice' },
        { op: 'member.put', room: 'nowhere', user: 'alice' },
      ])
      expect(store.load().rooms).to.deep.equal([{ room: 'lab', name: 'Lab', owner: 'alice', members: ['alice'] }])
      store.apply([
        { op: 'room.delete', room: 'lab' },
        { op: 'room.put', room: 'lab', name: 'Lab', owner: 'bob' },
      ])
      expect(store.load().rooms).to.deep.equal([{ room: 'lab', name: 'Lab', owner: 'bob', members: [] }])
    })

    it('changes an owner only in place of the expected one', () => {
      store.apply([
        { op: 'room.put', room: 'lab', name: 'Lab', owner: 'alice' },
        { op: 'room.owner', room: 'lab', from: 'mallory', to: 'mallory' },
      ])
      expect(store.load().rooms[0]?.owner).to.equal('alice')
      store.apply([{ op: 'room.owner', room: 'lab', from: 'alice', to: 'bob' }])
      expect(store.load().rooms[0]?.owner).to.equal('bob')
    })
  })
}
