import { expect } from 'chai'
import { encodeResult } from '../../../src/core/control/rpc.ts'
import { MAX_LINE } from '../../../src/core/control/methods.ts'
import { DirectoryLab } from '../../helpers/directory-lab.ts'

describe('control/listings', () => {
  /** The longest names there are: 32 letters of four bytes each. */
  const long = (i: number): string => '𝔘'.repeat(28) + String(i).padStart(4, '0')
  const add = (lab: DirectoryLab, count: number): number[] =>
    Array.from({ length: count }, (_, i) => {
      lab.store.createAccount({ user: long(i), name: long(i), verifier: '' })
      return lab.signIn(long(i))
    })

  it('gives pages that fit a line, and all of them exactly once', () => {
    const lab = new DirectoryLab({ membersPerRoom: 1_000, roomsPerUser: 1_000 })
    const [first = 0, ...rest] = add(lab, 320)
    lab.ask(first, 'room.create', { room: long(9_000) })
    for (const id of rest) lab.ask(id, 'room.enter', { room: long(9_000) })
    for (let i = 0; i < 200; i++) lab.ask(first, 'room.create', { room: long(i) })
    const lists = {
      users: (after?: string) =>
        lab.ask(first, 'users.list', { connected: false, ...(after === undefined ? {} : { after }) }),
      connected: (after?: string) =>
        lab.ask(first, 'users.list', { connected: true, ...(after === undefined ? {} : { after }) }),
      rooms: (after?: string) => lab.ask(first, 'rooms.list', after === undefined ? {} : { after }),
      members: (after?: string) =>
        lab.ask(first, 'room.members', { room: long(9_000), ...(after === undefined ? {} : { after }) }),
    }
    const sizes: Record<string, number> = {}
    for (const [name, list] of Object.entries(lists)) {
      const seen = new Set<string>()
      let count = 0
      for (let after: string | null | undefined; after !== null;) {
        const page: ReturnType<(typeof lists)[keyof typeof lists]> = list(after)
        expect(Buffer.byteLength(encodeResult('i'.repeat(64), page)), name).to.be.at.most(MAX_LINE)
        const entries: object[] = 'users' in page ? page.users : 'rooms' in page ? page.rooms : page.members
        for (const entry of entries) seen.add(JSON.stringify(Object.values(entry)[0]))
        count += entries.length
        after = page.next
      }
      expect(seen.size, name).to.equal(count)
      sizes[name] = count
    }
    expect(sizes).to.deep.equal({ users: 325, connected: 320, rooms: 201, members: 320 })
  })

  it('says there is no next page after one that is just full', () => {
    const lab = new DirectoryLab()
    const [first = 0] = add(lab, 145)
    expect(lab.ask(first, 'users.list', { connected: false })).to.have.property('next', null)
    lab.store.createAccount({ user: 'one-more', name: 'one-more', verifier: '' })
    expect(lab.ask(first, 'users.list', { connected: false }).next).to.be.a('string')
  })
})
