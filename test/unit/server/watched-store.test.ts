import { expect } from 'chai'
import { toRpcError } from '../../../src/core/control/rpc.ts'
import { MsgError } from '../../../src/core/errors.ts'
import type { ServerEvent } from '../../../src/core/server/api.ts'
import { WatchedStore } from '../../../src/core/server/watched-store.ts'
import { FailingStore } from '../../helpers/failing-store.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('server/watched-store', () => {
  let inner: FailingStore
  let store: WatchedStore
  let events: ServerEvent[]

  beforeEach(() => {
    inner = new FailingStore()
    events = []
    store = new WatchedStore(inner, (event) => events.push(event))
    store.createAccount({ user: 'alice', name: 'Alice', verifier: 'v' })
  })

  const writes: Record<string, () => unknown> = {
    createAccount: () => store.createAccount({ user: 'bob', name: 'Bob', verifier: 'v' }),
    replaceVerifier: () => store.replaceVerifier('alice', 'v', 'w'),
    putDevice: () => store.putDevice('alice', 'd', 1),
    apply: () => store.apply([{ op: 'session.put', users: ['a', 'b'], since: 1 }]),
  }

  it('passes everything through while all is well, and says nothing', () => {
    store.putDevice('alice', 'd', 1)
    store.apply([{ op: 'session.put', users: ['a', 'b'], since: 1 }])
    expect(store.size).to.equal(1)
    expect(store.account('alice')?.verifier).to.equal('v')
    expect(store.accountAt('100.64.0.1')?.user).to.equal('alice')
    expect(store.accounts('', 9)).to.have.lengthOf(1)
    expect(store.hasDevice('alice', 'd')).to.equal(true)
    expect(store.replaceVerifier('alice', 'v', 'w')).to.equal(true)
    expect(store.load()).to.deep.equal(inner.load())
    expect(events).to.deep.equal([])
  })

  for (const [name, write] of Object.entries(writes)) {
    it(`says that the disk is full when ${name} meets that, once, and that it works again, once`, () => {
      inner.writing = 'SQLITE_FULL'
      for (let i = 0; i < 3; i++) {
        const error = expectCode(write, 'MSG_ERR_STORAGE_FAILED')
        expect(error.detail).to.equal("the server's disk is full")
      }
      expect(events.map(({ type }) => type)).to.deep.equal(['storage.failed'])
      inner.writing = undefined
      write()
      write()
      expect(events.map(({ type }) => type)).to.deep.equal(['storage.failed', 'storage.recovered'])
    })
  }

  it('tells its own people which file it is, and clients not', () => {
    inner.writing = 'SQLITE_IOERR_WRITE'
    const error = expectCode(writes['apply']!, 'MSG_ERR_STORAGE_FAILED')
    expect(JSON.stringify(events)).to.contain('/secret/server.db')
    expect(JSON.stringify(toRpcError(error))).not.to.contain('secret')
    expect(error.detail).to.equal("the server's database cannot be used")
    expect(error.cause).to.be.instanceOf(Error)
  })

  it('does not take reading or an empty change for a sign that writing works', () => {
    inner.writing = 'SQLITE_FULL'
    expectCode(writes['putDevice']!, 'MSG_ERR_STORAGE_FAILED')
    expect(store.account('alice')?.name).to.equal('Alice')
    store.apply([])
    expect(events.map(({ type }) => type)).to.deep.equal(['storage.failed'])
  })

  it('says it when reading fails, too', () => {
    inner.reading = 'SQLITE_IOERR_READ'
    expectCode(() => store.account('alice'), 'MSG_ERR_STORAGE_FAILED')
    inner.reading = undefined
    expect(store.account('alice')?.name).to.equal('Alice')
    store.putDevice('alice', 'd', 1)
    expect(events.map(({ type }) => type)).to.deep.equal(['storage.failed', 'storage.recovered'])
  })

  it('tells a second outage like the first', () => {
    for (let i = 0; i < 2; i++) {
      inner.writing = 'SQLITE_FULL'
      expectCode(writes['putDevice']!, 'MSG_ERR_STORAGE_FAILED')
      inner.writing = undefined
      writes['putDevice']!()
    }
    expect(events).to.have.lengthOf(4)
  })

  it('does not take a server without addresses left for a broken one', () => {
    inner.createAccount = () => {
      throw new MsgError('MSG_ERR_SERVER_FULL', { detail: 'no virtual address is left' })
    }
    expectCode(writes['createAccount']!, 'MSG_ERR_SERVER_FULL')
    expect(events).to.deep.equal([])
  })

  it('calls whatever else the store throws a failure of the store', () => {
    inner.putDevice = () => {
      throw new TypeError('undefined is not a function')
    }
    expectCode(writes['putDevice']!, 'MSG_ERR_STORAGE_FAILED')
    expect(events).to.deep.equal([{ type: 'storage.failed', reason: 'undefined is not a function' }])
  })

  it('closes what it watches', () => {
    let closed = 0
    inner.close = () => closed++
    store.close()
    expect(closed).to.equal(1)
  })
})
