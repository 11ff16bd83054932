import { expect } from 'chai'
import { because, promptText } from '../../../../src/cli/render/client-words.ts'
import { membersTable, roomsTable, usersTable } from '../../../../src/cli/render/lists.ts'
import { isColourWanted, palette } from '../../../../src/cli/render/palette.ts'
import { serverSessionsTable, serverStatusLines, serverUsersTable } from '../../../../src/cli/render/server-lists.ts'
import { tableLines, widthOf } from '../../../../src/cli/render/table.ts'
import { clockTime, count, milliseconds } from '../../../../src/cli/render/time.ts'

const plain = palette(false)
const ESC = '\u001b'

describe('palette', () => {
  it('changes nothing without colour', () => {
    expect(plain.name('alice')).to.equal('alice')
  })

  it('colours and resets with colour', () => {
    expect(palette(true).bad('no')).to.match(/^\x1b\[31mno\x1b\[39m$/u)
  })
})

describe('isColourWanted', () => {
  const wanted = (env: Record<string, string>, isTerminal = true, isRefused = false): boolean =>
    isColourWanted({ env, isTerminal, isRefused })

  it('is what the stream is when nothing is said', () => {
    expect(wanted({})).to.equal(true)
    expect(wanted({}, false)).to.equal(false)
  })

  it('is refused by --no-color and by NO_COLOR, even when forced', () => {
    expect(wanted({ FORCE_COLOR: '1' }, true, true)).to.equal(false)
    expect(wanted({ NO_COLOR: '1', FORCE_COLOR: '1' })).to.equal(false)
    expect(wanted({ NO_COLOR: '' })).to.equal(true)
  })

  it('is forced by FORCE_COLOR where there is no terminal', () => {
    expect(wanted({ FORCE_COLOR: '1' }, false)).to.equal(true)
    expect(wanted({ FORCE_COLOR: '0' })).to.equal(false)
    expect(wanted({ FORCE_COLOR: '' }, false)).to.equal(false)
  })

  it('is off on a dumb terminal', () => {
    expect(wanted({ TERM: 'dumb' })).to.equal(false)
  })
})

describe('tableLines', () => {
  it('aligns columns and leaves no blanks at line ends', () => {
    const lines = tableLines(
      ['user', 'status'],
      [
        ['alexandra', 'active'],
        ['bo', ''],
      ],
      'none',
    )
    expect(lines).to.deep.equal(['user       status', 'alexandra  active', 'bo'])
  })

  it('says when there is nothing', () => {
    expect(tableLines(['user'], [], 'Nobody.')).to.deep.equal(['Nobody.'])
  })

  it('counts colours as nothing and wide characters as two', () => {
    expect(widthOf(`${ESC}[31mred${ESC}[39m`)).to.equal(3)
    expect(widthOf('日本')).to.equal(4)
    expect(widthOf('e\u0301')).to.equal(1)
    expect(widthOf('🙂')).to.equal(2)
  })
})

describe('words for numbers and times', () => {
  it('rounds milliseconds to what matters', () => {
    expect(milliseconds(0.1234)).to.equal('0.12 ms')
    expect(milliseconds(12.34)).to.equal('12.3 ms')
    expect(milliseconds(1234.5)).to.equal('1235 ms')
  })

  it('makes plurals', () => {
    expect(count(1, 'message')).to.equal('1 message')
    expect(count(0, 'message')).to.equal('0 messages')
    expect(count(20_000, 'message')).to.equal('20,000 messages')
  })

  it('shows local time, and that there is none', () => {
    const date = new Date(2026, 0, 2, 3, 4)
    expect(clockTime(date.toISOString())).to.equal('03:04')
    expect(clockTime('never')).to.equal('--:--')
  })
})

describe('lists', () => {
  it('show users with status and address', () => {
    const users = [{ user: 'al\u001b[31mice', status: 'active', virtualAddress: '100.64.0.1' }]
    const lines = usersTable(users, plain, 'Nobody.')
    expect(lines[1]).to.contain('active').and.to.contain('100.64.0.1')
    expect(lines.join('')).not.to.contain(ESC)
    expect(usersTable([], plain, 'Nobody.')).to.deep.equal(['Nobody.'])
  })

  it('show rooms, or that there are none', () => {
    expect(roomsTable([{ room: 'lobby', owner: 'bob', members: 3 }], plain)[1]).to.equal('lobby  bob    3')
    expect(roomsTable([], plain)).to.deep.equal(['There are no rooms.'])
  })

  it('show members with owner and absence', () => {
    const members = [
      { user: 'bob', present: true },
      { user: 'carol', present: false },
    ]
    expect(membersTable({ room: 'lobby', owner: 'bob', members }, plain)).to.deep.equal([
      'lobby: 2 members',
      '  bob (owner)',
      '  carol (away)',
    ])
  })

  it('show what the owner of a server may know', () => {
    const user = {
      user: 'bob',
      status: 'inactive',
      virtualAddress: '100.64.0.2',
      connections: 2,
      addresses: ['1.2.3.4:5'],
    } as const
    expect(serverUsersTable([user], plain, '')[1]).to.equal('bob   inactive  100.64.0.2  2            1.2.3.4:5')
    const session = { users: ['alice', 'bob'], state: 'ringing', since: 'x' } as const
    expect(serverSessionsTable([session], plain)[1]).to.equal('alice – bob  ringing  --:--')
    expect(serverSessionsTable([], plain)).to.deep.equal(['No sessions are open.'])
  })

  it('show a status as rows of name and value', () => {
    const lines = serverStatusLines(
      {
        name: 'lab',
        version: '1',
        pid: 7,
        host: '::',
        port: 1,
        udpPort: 2,
        probePort: 3,
        fingerprint: 'SHA256:x',
        dataDir: '/d',
        startedAt: 't',
        accounts: 1,
        connections: 2,
        sessions: 3,
        rooms: 4,
        rss: 1024,
        plugins: [],
      },
      plain,
    )
    expect(lines).to.include('listens on   ::, TCP 1, UDP 2 and 3').and.to.include('memory       1.02 kB')
  })
})

describe('promptText', () => {
  it('shows who one is and where send goes', () => {
    expect(promptText(undefined, undefined)).to.equal('msg> ')
    expect(promptText('alice', undefined)).to.equal('alice> ')
    expect(promptText('alice', { kind: 'session', user: 'bob' })).to.equal('alice@bob> ')
    expect(promptText('alice', { kind: 'room', room: 'lobby' })).to.equal('alice#lobby> ')
    expect(promptText('alice', { kind: 'session', user: 'bob' }, new Set(['bob']))).to.equal('alice@bob (relayed)> ')
    expect(promptText('alice', { kind: 'session', user: 'bob' }, new Set(['carol']))).to.equal('alice@bob> ')
  })

  it('holds no control characters, whose width nobody knows', () => {
    expect(promptText('alice', { kind: 'session', user: 'b\u001b[2J' })).not.to.contain(ESC)
  })
})

describe('because', () => {
  it('says known reasons in words and shows others escaped', () => {
    expect(because('owner-left')).to.equal(': the owner left')
    expect(because('a\u0007b')).not.to.contain('\u0007')
  })

  it('says nothing of who left, since both sides are told', () => {
    expect(because('left')).to.equal('')
  })
})
