import { expect } from 'chai'
import { join } from 'node:path'
import Libsql from 'libsql'
import { readHistory } from '../../../src/core/client/past.ts'
import type { HistoryEntry } from '../../../src/core/client/profile/history.ts'
import { ProfileState } from '../../../src/core/client/profile/state.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('what was said', () => {
  const temp = useTempDir()
  let state: ProfileState
  let count = 0
  beforeEach(() => {
    count = 0
    state = new ProfileState(temp())
  })
  afterEach(() => state.close())
  const entry = (text: string, over: Partial<HistoryEntry> = {}): HistoryEntry => ({
    device: 1,
    id: (++count).toString(16).padStart(32, '0'),
    conversation: 's:bob',
    sender: 'bob',
    own: 0,
    seq: count,
    at: 1_767_323_045_678 + count,
    text,
    ...over,
  })
  const say = (...entries: HistoryEntry[]): void => void state.commit(() => state.history.addReceived(entries))
  const texts = async (query: Parameters<typeof readHistory>[1] = {}): Promise<string[]> =>
    (await readHistory(state, query)).map(({ text }) => text)

  it('is nothing at first', async () => {
    expect(await texts()).to.deep.equal([])
    expect(await texts({ text: 'x', conversation: { kind: 'room', room: 'lab' } })).to.deep.equal([])
  })

  it('tells each message with its place and its time', async () => {
    say(entry('one'), entry('two', { conversation: 'r:lab', sender: 'eve' }))
    state.commit(() => state.history.addOwn([entry('three', { sender: 'alice', own: 1 })]))
    expect(await readHistory(state, {})).to.deep.equal([
      {
        id: '1'.padStart(32, '0'),
        from: 'bob',
        text: 'one',
        at: '2026-01-02T03:04:05.679Z',
        room: null,
        with: 'bob',
        own: false,
      },
      {
        id: '2'.padStart(32, '0'),
        from: 'eve',
        text: 'two',
        at: '2026-01-02T03:04:05.680Z',
        room: 'lab',
        with: null,
        own: false,
      },
      {
        id: '3'.padStart(32, '0'),
        from: 'alice',
        text: 'three',
        at: '2026-01-02T03:04:05.681Z',
        room: null,
        with: 'bob',
        own: true,
      },
    ])
  })

  it('is the newest twenty unless more are asked for, oldest first', async () => {
    say(...Array.from({ length: 30 }, (_, i) => entry(`m${i}`)))
    expect(await texts()).to.deep.equal(Array.from({ length: 20 }, (_, i) => `m${i + 10}`))
    expect(await texts({ limit: 2 })).to.deep.equal(['m28', 'm29'])
    expect(await texts({ limit: 1_000 })).to.have.length(30)
  })

  it('is that of one conversation when one is named; a room and a user of one name are two', async () => {
    say(entry('a'), entry('b', { conversation: 'r:bob' }), entry('c', { conversation: 's:eve' }))
    expect(await texts({ conversation: { kind: 'session', user: 'bob' } })).to.deep.equal(['a'])
    expect(await texts({ conversation: { kind: 'room', room: 'bob' } })).to.deep.equal(['b'])
    expect(state.history.conversations().sort()).to.deep.equal(['r:bob', 's:bob', 's:eve'])
  })

  it('is searched for text in any case, and signs mean themselves', async () => {
    say(entry('Grüße aus KÖLN'), entry('100% sure!'), entry('1000 sure'), entry('a_b'), entry('axb'))
    expect(await texts({ text: 'AUS' })).to.deep.equal(['Grüße aus KÖLN'])
    expect(await texts({ text: 'köln' })).to.deep.equal(['Grüße aus KÖLN'])
    expect(await texts({ text: '100%' })).to.deep.equal(['100% sure!'])
    expect(await texts({ text: 'sure!' })).to.deep.equal(['100% sure!'])
    expect(await texts({ text: 'a_b' })).to.deep.equal(['a_b'])
    expect(await texts({ text: "'; --" })).to.deep.equal([])
  })

  it('is found however far back it is, and lets other work go on', async () => {
    say(entry('needle'))
    for (let i = 0; i < 9; i++) say(...Array.from({ length: 5_000 }, () => entry('hay', { conversation: 's:eve' })))
    let turns = 0
    let isOver = false
    const work = (): void => void (turns++, isOver || setImmediate(work))
    work()
    expect(await texts({ text: 'needle' })).to.deep.equal(['needle'])
    expect(await texts({ conversation: { kind: 'session', user: 'bob' } })).to.deep.equal(['needle'])
    isOver = true
    expect(turns).to.be.greaterThan(3)
    const abort = AbortSignal.abort()
    await expectRejects(readHistory(state, { text: 'needle', signal: abort }), 'MSG_ERR_CANCELLED')
  })

  it('has each message once, at the seams of what is read at a time', async () => {
    say(...Array.from({ length: 20_001 }, (_, i) => entry(i === 0 || i % 5_000 === 1 ? `needle ${i}` : 'hay')))
    const needles = ['needle 1', 'needle 5001', 'needle 10001', 'needle 15001']
    expect(await texts({ text: 'needle' })).to.deep.equal(['needle 0', ...needles])
    say(entry('needle 20001'))
    expect(await texts({ text: 'needle', limit: 5 })).to.deep.equal([...needles, 'needle 20001'])
    expect(await texts({ text: 'needle', limit: 3 })).to.deep.equal([...needles.slice(2), 'needle 20001'])
    expect(await texts({ limit: 1_000 })).to.have.length(1_000)
  })

  it('comes in amounts that memory has room for', async () => {
    for (const limit of [0, -1, 1_001, 1.5, NaN]) await expectRejects(readHistory(state, { limit }), 'MSG_ERR_USAGE')
  })

  it('is read by conversation through an index, also in a profile of the first schema', () => {
    state.close()
    const path = join(temp(), 'old')
    new ProfileState(path).close()
    const old = new Libsql(join(path, 'state.db'))
    old.exec('DROP INDEX history_conversation; DROP TABLE transfers; PRAGMA user_version = 1')
    old.close()
    state = new ProfileState(path)
    const database = new Libsql(join(path, 'state.db'))
    const plan = JSON.stringify(
      database
        .prepare('EXPLAIN QUERY PLAN SELECT * FROM history WHERE conversation IN (?) AND n BETWEEN ? AND ?')
        .all(['s:bob', 1, 9]),
    )
    database.close()
    expect(plan).to.contain('history_conversation')
  })
})
