import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { asMsgError, closeDatabase, inTransaction, openDatabase } from '../../../src/core/io/database.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { SqliteStore } from '../../../src/core/store/sqlite.ts'
import { expectCode } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

const TABLE = 'CREATE TABLE t (x INTEGER NOT NULL) STRICT'

describe('io/database', () => {
  afterEach(removeTempDirs)

  const open = (path = join(tempDir(), 'a.db'), migrations = [TABLE]) => openDatabase(path, { migrations })
  const count = (database: ReturnType<typeof open>): unknown =>
    (database.prepare('SELECT count(*) AS n FROM t').get() as { n: number }).n

  it('writes ahead, checks foreign keys, and syncs as it says', () => {
    const database = open()
    expect(database.pragma('journal_mode')).to.deep.include({ journal_mode: 'wal' })
    expect(database.pragma('foreign_keys')).to.deep.include({ foreign_keys: 1 })
    expect(database.pragma('synchronous')).to.deep.include({ synchronous: 1 })
    database.close()
  })

  it('makes its files for their owner alone, whatever the umask', () => {
    const path = join(tempDir(), 'a.db')
    const umask = process.umask(0)
    try {
      const database = open(path)
      database.exec('INSERT INTO t VALUES (1)')
      for (const file of [path, `${path}-wal`, `${path}-shm`])
        expect((statSync(file).mode & 0o777).toString(8), file).to.equal('600')
      database.close()
    } finally {
      process.umask(umask)
    }
  })

  it('closes to others what was open to them, its log too', () => {
    const path = join(tempDir(), 'a.db')
    const database = open(path)
    database.exec('INSERT INTO t VALUES (1)')
    for (const file of [path, `${path}-wal`, `${path}-shm`]) chmodSync(file, 0o644)
    const second = open(path)
    for (const file of [path, `${path}-wal`, `${path}-shm`])
      expect((statSync(file).mode & 0o777).toString(8), file).to.equal('600')
    second.close()
    database.close()
  })

  it('has everything in one file once it is closed, and takes a second close for nothing', () => {
    const path = join(tempDir(), 'a.db')
    const database = open(path)
    database.exec('INSERT INTO t VALUES (1)')
    closeDatabase(database)
    closeDatabase(database)
    expect(existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0).to.equal(0)
    const again = open(path)
    expect(count(again)).to.equal(1)
    again.close()
  })

  it('commits all of a transaction and gives back what it gave', () => {
    const database = open()
    const given = inTransaction(database, () => {
      database.exec('INSERT INTO t VALUES (1)')
      database.exec('INSERT INTO t VALUES (2)')
      return 'done'
    })
    expect([given, count(database), database.inTransaction]).to.deep.equal(['done', 2, false])
    database.close()
  })

  it('takes all of a transaction back when it throws, and works on', () => {
    const database = open()
    for (const broken of ['INSERT INTO t VALUES (NULL)', 'INSERT INTO nowhere VALUES (1)', 'nonsense']) {
      expect(() =>
        inTransaction(database, () => {
          database.exec('INSERT INTO t VALUES (1)')
          database.exec(broken)
        }),
      ).to.throw()
      expect(database.inTransaction, broken).to.equal(false)
    }
    expect(count(database)).to.equal(0)
    inTransaction(database, () => database.exec('INSERT INTO t VALUES (1)'))
    expect(count(database)).to.equal(1)
    database.close()
  })

  it('runs migrations in their order, each once, whole or not at all', () => {
    const path = join(tempDir(), 'a.db')
    const migrations = [TABLE, 'INSERT INTO t VALUES (1)', 'INSERT INTO t VALUES (2)']
    open(path, migrations.slice(0, 2)).close()
    const database = open(path, migrations)
    expect(count(database)).to.equal(2)
    database.close()
    const broken = [...migrations, 'INSERT INTO t VALUES (3); INSERT INTO t VALUES (NULL)']
    expectCode(() => open(path, broken), 'MSG_ERR_INTERNAL')
    const after = open(path, migrations)
    expect(count(after)).to.equal(2)
    after.close()
  })

  it('leaves a file of a newer msg as it is', () => {
    const path = join(tempDir(), 'a.db')
    open(path, [TABLE, 'INSERT INTO t VALUES (1)']).close()
    const error = expectCode(() => open(path, [TABLE]), 'MSG_ERR_STORE_CORRUPT')
    expect(error.detail).to.contain('newer msg (schema 2)')
    const again = open(path, [TABLE, 'INSERT INTO t VALUES (1)'])
    expect(count(again)).to.equal(1)
    again.close()
  })

  it('says what kind of trouble a file is in', () => {
    const garbage = join(tempDir(), 'a.db')
    writeFileSync(garbage, 'x'.repeat(8_192))
    expectCode(() => open(garbage), 'MSG_ERR_STORE_CORRUPT')
    expectCode(() => open(join(tempDir(), 'missing', 'a.db')), 'MSG_ERR_DIRECTORY_ACCESS')
  })

  it('gives every SQLite failure the code that says what to do', () => {
    const codes = [
      ['SQLITE_FULL', 'MSG_ERR_STORAGE_FAILED'],
      ['SQLITE_IOERR', 'MSG_ERR_STORAGE_FAILED'],
      ['SQLITE_IOERR_WRITE', 'MSG_ERR_STORAGE_FAILED'],
      ['SQLITE_CORRUPT', 'MSG_ERR_STORE_CORRUPT'],
      ['SQLITE_NOTADB', 'MSG_ERR_STORE_CORRUPT'],
      ['SQLITE_BUSY', 'MSG_ERR_DATA_DIR_BUSY'],
      ['SQLITE_BUSY_SNAPSHOT', 'MSG_ERR_DATA_DIR_BUSY'],
      ['SQLITE_READONLY', 'MSG_ERR_DIRECTORY_ACCESS'],
      ['SQLITE_CANTOPEN', 'MSG_ERR_DIRECTORY_ACCESS'],
      ['SQLITE_PERM', 'MSG_ERR_DIRECTORY_ACCESS'],
      ['SQLITE_CONSTRAINT', 'MSG_ERR_INTERNAL'],
      [undefined, 'MSG_ERR_INTERNAL'],
    ] as const
    for (const [code, expected] of codes) {
      const cause = Object.assign(new Error('why'), { code })
      const error = asMsgError(cause, '/data/server.db')
      expect([error.code, error.detail], code).to.deep.equal([expected, '/data/server.db: why'])
      expect(error.cause).to.equal(cause)
    }
    const known = new MsgError('MSG_ERR_LIMIT')
    expect(asMsgError(known, 'x')).to.equal(known)
  })
})

describe('store/sqlite, when something is wrong', () => {
  afterEach(removeTempDirs)

  /** A store and a second connection to its file, by which a test breaks it. */
  const opened = (): { store: SqliteStore; other: ReturnType<typeof openDatabase>; path: string } => {
    const path = join(tempDir(), 'server.db')
    const store = new SqliteStore(path)
    store.createAccount({ user: 'alice', name: 'Alice', verifier: 'v' })
    return { store, path, other: openDatabase(path, { migrations: Array<string>(1).fill(''), isChecked: false }) }
  }

  it('makes no account when its device cannot be kept, and counts none', () => {
    const { store, other } = opened()
    other.exec("CREATE TRIGGER no_device BEFORE INSERT ON device BEGIN SELECT RAISE(ABORT, 'no'); END")
    const bob = { user: 'bob', name: 'Bob', verifier: 'v' }
    expectCode(() => store.createAccount({ ...bob, device: { key: 'k', at: 1 } }), 'MSG_ERR_INTERNAL')
    expect([store.size, store.account('bob')]).to.deep.equal([1, undefined])
    expect(store.createAccount(bob)?.virtualAddress).to.equal('100.64.0.2')
    other.close()
    store.close()
  })

  it('forgets no device for one that it cannot keep', () => {
    const { store, other } = opened()
    for (let i = 0; i < 64; i++) store.putDevice('alice', `k${i}`, i)
    other.exec("CREATE TRIGGER no_delete BEFORE DELETE ON device BEGIN SELECT RAISE(ABORT, 'no'); END")
    expectCode(() => store.putDevice('alice', 'new', 99), 'MSG_ERR_INTERNAL')
    expect([store.hasDevice('alice', 'new'), store.hasDevice('alice', 'k0')]).to.deep.equal([false, true])
    other.close()
    store.close()
  })

  it('changes nothing at all when the last of many changes fails', () => {
    const { store, other } = opened()
    store.apply([{ op: 'room.put', room: 'lab', name: 'Lab', owner: 'alice' }])
    const before = store.load()
    other.exec("CREATE TRIGGER no_session BEFORE INSERT ON session BEGIN SELECT RAISE(ABORT, 'no'); END")
    expectCode(
      () =>
        store.apply([
          { op: 'room.put', room: 'pub', name: 'Pub', owner: 'alice' },
          { op: 'member.put', room: 'lab', user: 'alice' },
          { op: 'room.delete', room: 'lab' },
          { op: 'session.put', users: ['alice', 'bob'], since: 1 },
        ]),
      'MSG_ERR_INTERNAL',
    )
    expect(store.load()).to.deep.equal(before)
    other.exec('DROP TRIGGER no_session')
    store.apply([{ op: 'session.put', users: ['alice', 'bob'], since: 1 }])
    expect(store.load().sessions).to.have.lengthOf(1)
    other.close()
    store.close()
  })

  it('remembers no device of nobody', () => {
    const { store, other } = opened()
    expectCode(() => store.putDevice('nobody', 'k', 1), 'MSG_ERR_INTERNAL')
    expect(store.hasDevice('nobody', 'k')).to.equal(false)
    other.close()
    store.close()
  })

  it('reads what was committed while another connection holds the file, and says whose lock it is when it writes', () => {
    const path = join(tempDir(), 'a.db')
    const one = openDatabase(path, { migrations: [TABLE], busyMs: 1 })
    const two = openDatabase(path, { migrations: [TABLE], busyMs: 1 })
    one.exec('BEGIN IMMEDIATE')
    expect(two.prepare('SELECT count(*) AS n FROM t').get()).to.deep.include({ n: 0 })
    let thrown: unknown
    try {
      inTransaction(two, () => undefined)
    } catch (error) {
      thrown = asMsgError(error, path)
    }
    expect(thrown).to.have.property('code', 'MSG_ERR_DATA_DIR_BUSY')
    one.exec('COMMIT')
    inTransaction(two, () => two.exec('INSERT INTO t VALUES (1)'))
    one.close()
    two.close()
  })
})
