import { expect } from 'chai'
import { listMembers, listRooms, listUsers } from '../../../src/core/client/listings.ts'
import type { Uplink } from '../../../src/core/client/uplink.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { MsgError } from '../../../src/core/errors.ts'

/** A server that answers with these pages, one a request. */
const serving = (...pages: object[]) => {
  const asked: unknown[] = []
  const uplink = {
    request: async (method: string, params: object) => {
      asked.push([method, params])
      const page = pages.shift()
      if (page instanceof Error) throw page
      return page
    },
  } as unknown as Uplink
  return { uplink, asked }
}
const row = (user: string) => ({ user, status: 'active', virtualAddress: '100.64.0.1' })

describe('listings', () => {
  it('ask for page after page, and put them together in order', async () => {
    const { uplink, asked } = serving({ users: [row('a'), row('b')], next: 'b' }, { users: [row('c')], next: null })
    expect((await listUsers(uplink, true)).map(({ user }) => user)).to.deep.equal(['a', 'b', 'c'])
    expect(asked).to.deep.equal([
      ['users.list', { connected: true }],
      ['users.list', { connected: true, after: 'b' }],
    ])
  })

  it('are empty when there is nothing', async () => {
    const { uplink } = serving({ rooms: [], next: null })
    expect(await listRooms(uplink)).to.deep.equal([])
  })

  it('of members say what the interface says and nothing of pages', async () => {
    const { uplink, asked } = serving(
      { room: 'Lab', owner: 'a', members: [{ user: 'a', present: true }], next: 'a' },
      { room: 'Lab', owner: 'b', members: [{ user: 'b', present: false }], next: null },
    )
    expect(await listMembers(uplink, 'lab')).to.deep.equal({
      room: 'Lab',
      owner: 'b',
      members: [
        { user: 'a', present: true },
        { user: 'b', present: false },
      ],
    })
    expect(asked[1]).to.deep.equal(['room.members', { room: 'lab', after: 'a' }])
  })

  it('fail as a page fails', async () => {
    const { uplink } = serving({ users: [row('a')], next: 'a' }, new MsgError('MSG_ERR_CONNECTION_CLOSED'))
    await expectRejects(listUsers(uplink, false), 'MSG_ERR_CONNECTION_CLOSED')
  })

  it('end with a server that never ends them', async () => {
    let pages = 0
    const uplink = {
      request: async () => ({ users: [], next: String(pages++) }),
    } as unknown as Uplink
    await listUsers(uplink, false)
    expect(pages).to.equal(10_000)
  })
})
