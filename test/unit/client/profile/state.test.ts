import { expect } from 'chai'
import { statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'
import type { HistoryEntry, SeenMark } from '../../../../src/core/client/profile/history.ts'
import { ProfileState } from '../../../../src/core/client/profile/state.ts'
import { MsgError } from '../../../../src/core/errors.ts'
import { outboxRow } from '../../../helpers/chat.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

const entry = (n: number, over: Partial<HistoryEntry> = {}): HistoryEntry => ({
  device: 1,
  id: n.toString(16).padStart(32, '0'),
  conversation: 's:bob',
  sender: 'bob',
  own: 0,
  seq: n,
  at: n,
  text: `text ${n}`,
  ...over,
})
const entries = (from: number, to: number): HistoryEntry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i))

describe('the profile state', () => {
  const temp = useTempDir()
  const opened: ProfileState[] = []
  const open = (): ProfileState => {
    const state = new ProfileState(temp())
    opened.push(state)
    return state
  }
  afterEach(() => {
    for (const state of opened.splice(0)) state.close()
  })
  it('remembers transfers, byte for byte, until they are over', () => {
    const state = open()
    const row = {
      id: 'ab'.repeat(16),
      direction: 'in',
      user: 'bob',
      slot: state.slots.own,
      offer: Buffer.from([1, 0, 255, 128]),
      paths: ['/somewhere', 'else'],
      state: 'accepted',
    } as const
    state.transfers.put(row)
    expect(state.transfers.load(state.slots.held)).to.deep.equal([row])
    expect(state.transfers.load([state.slots.own + 1])).to.deep.equal([])
    state.transfers.remove(row.id, 'in', 'bob')
    expect(state.transfers.load(state.slots.held)).to.deep.equal([])
  })

  it('notices damage when it is met', () => {
    const state = open()
    state.commit(() => state.history.addReceived(entries(1, 5_000)))
    expect(() =>
      state.read(() => {
        throw Object.assign(new Error('malformed'), { code: 'SQLITE_CORRUPT' })
      }),
    )
      .to.throw(MsgError)
      .with.property('code', 'MSG_ERR_STORE_CORRUPT')
  })

  const receive = (state: ProfileState, list: HistoryEntry[]): Array<SeenMark | undefined> =>
    state.commit(() => state.history.addReceived(list))
  const unseen = (state: ProfileState): number[] =>
    state.history.unseen(state.slots.held).map(({ entry: { seq } }) => seq)

  it('keeps received messages once, whatever the batch', () => {
    const state = open()
    expect(receive(state, entries(1, 100)).filter(Boolean)).to.have.length(100)
    const again = receive(state, [...entries(90, 110), entry(110), entry(111)])
    expect(again.map((mark) => mark !== undefined)).to.deep.equal([
      ...Array<boolean>(11).fill(false),
      ...Array<boolean>(10).fill(true),
      false,
      true,
    ])
    expect(receive(state, [entry(1, { device: 2 })])[0], 'another device may use the same id').to.not.equal(undefined)
    expect(unseen(state)).to.deep.equal([...entries(1, 111).map(({ seq }) => seq), 1])
  })

  it('numbers own messages by their rows', () => {
    const state = open()
    receive(state, entries(1, 3))
    const rows = state.commit(() => state.history.addOwn(entries(4, 80).map((one) => ({ ...one, own: 1, device: 9 }))))
    expect(rows).to.deep.equal(Array.from({ length: 77 }, (_, i) => i + 4))
    expect(unseen(state), 'own messages are not told').to.deep.equal([1, 2, 3])
  })

  it('tells again after a crash what was not seen', () => {
    const first = open()
    const marks = receive(first, entries(1, 5))
    first.history.markSeen(marks[2]!)
    expect(first.history.hasSeen).to.equal(true)
    first.commit(() => first.history.storeSeen())
    first.history.markSeen(marks[4]!)
    first.close()
    opened.pop()
    expect(unseen(open())).to.deep.equal([4, 5])
  })

  it('gives each process of a profile its own slot, and each of them the message once', () => {
    const [a, b] = [open(), open()]
    expect([a.slots.held, b.slots.held]).to.deep.equal([[1], [2]])
    receive(a, entries(1, 2))
    const marks = receive(b, entries(1, 3))
    expect(marks.map((mark) => mark?.table)).to.deep.equal(['copies', 'copies', 'history'])
    expect(receive(b, entries(1, 3)), 'duplicates').to.deep.equal([undefined, undefined, undefined])
    expect(unseen(b).sort()).to.deep.equal([1, 2, 3])
    b.history.markSeen(marks[0]!)
    b.commit(() => b.history.storeSeen())
    expect(unseen(b).sort()).to.deep.equal([2, 3])
  })

  it('adopts the slots of processes that are gone', () => {
    const [a, b] = [open(), open()]
    receive(b, [entry(7)])
    const [n] = b.commit(() => {
      const rows = b.history.addOwn([entry(8, { own: 1 })])
      b.outbox.add([{ ...outboxRow(rows[0]!), slot: b.slots.own }])
      return rows
    })
    expect(a.slots.adopt()).to.deep.equal([])
    b.close()
    expect(a.slots.adopt()).to.deep.equal([2])
    expect(a.outbox.load([2]).map(({ message }) => message.seq)).to.deep.equal([n])
    expect(a.history.unseen([2]).map(({ entry: { seq } }) => seq)).to.deep.equal([7])
    expect(receive(a, [entry(7)]), 'what an adopted slot received is no news').to.deep.equal([undefined])
    expect(open().slots.own, 'held slots are not shared').to.equal(3)
    opened.splice(1, 1)
  })

  it('keeps the outbox until rows are finished, in any order', () => {
    const state = open()
    const rows = state.commit(() => {
      const numbers = state.history.addOwn(entries(1, 100).map((one) => ({ ...one, own: 1 })))
      const made = numbers.map((n) => ({ ...outboxRow(n, n % 2 ? 'bob' : 'eve'), slot: 1 }))
      state.outbox.add(made)
      return made
    })
    const left = (): number[] => state.outbox.load([1]).map(({ message }) => message.seq)
    expect(left()).to.have.length(100)
    state.commit(() =>
      state.outbox.remove(rows.filter(({ recipient, message }) => recipient === 'bob' && message.seq !== 31)),
    )
    expect(left().filter((n) => n % 2)).to.deep.equal([31])
    state.commit(() => state.outbox.remove(rows.filter(({ message }) => message.seq !== 50)))
    expect(left()).to.deep.equal([50])
    expect(state.outbox.load([1])[0]).to.deep.include({
      recipient: 'eve',
      key: 's:bob',
      size: 7,
      isCopy: false,
      slot: 1,
    })
  })

  it('undoes a transaction that fails', () => {
    const state = open()
    expect(() =>
      state.commit(() => {
        state.history.addReceived([entry(1)])
        throw new Error('no')
      }),
    ).to.throw('no')
    expect(unseen(state)).to.deep.equal([])
    expect(receive(state, [entry(1)])[0]).to.not.equal(undefined)
  })

  it('remembers devices, what was verified and who is always accepted', () => {
    const state = open()
    expect(state.devices.meet('bob', 'k1', 1)).to.include({ isNew: true, isChanged: false })
    const { device } = state.devices.meet('bob', 'k2', 2)
    expect(state.devices.meet('eve', 'k9', 2)).to.include({ isNew: true, isChanged: false })
    expect(state.devices.meet('eve', 'k8', 2)).to.include({ isNew: true, isChanged: true })
    expect(state.devices.meet('bob', 'k2', 3)).to.deep.equal({ device, isNew: false, isChanged: false })
    state.devices.verify(device, 4)
    expect(state.devices.of('bob').map(({ key, isVerified }) => [key, isVerified])).to.deep.equal([
      ['k1', false],
      ['k2', true],
    ])
    expect(state.devices.isContact('bob')).to.equal(false)
    state.devices.addContact('bob', 5)
    state.devices.addContact('bob', 6)
    expect(state.devices.isContact('bob')).to.equal(true)
  })

  it('is readable by its owner only', () => {
    open()
    expect(statSync(join(temp(), 'state.db')).mode & 0o777).to.equal(0o600)
  })

  it('refuses a damaged database and one of a newer version', () => {
    const failure = (): string => {
      try {
        open()
        return 'opened'
      } catch (error) {
        return MsgError.is(error) ? error.code : String(error)
      }
    }
    writeFileSync(join(temp(), 'state.db'), 'not a database '.repeat(1_000))
    expect(failure()).to.equal('MSG_ERR_STORE_CORRUPT')
    truncateSync(join(temp(), 'state.db'))
    expect(failure()).to.equal('opened')
    opened.pop()!.close()
    const database = new Libsql(join(temp(), 'state.db'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(failure()).to.equal('MSG_ERR_STORE_CORRUPT')
  })
})
