import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { inTransaction, openDatabase } from '../../../src/core/io/database.ts'
import { SqliteStore } from '../../../src/core/store/sqlite.ts'
import { expectCode } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('store/sqlite', () => {
  afterEach(removeTempDirs)

  const filled = (): string => {
    const path = join(tempDir(), 'server.db')
    const store = new SqliteStore(path)
    for (let i = 0; i < 200; i++) store.createAccount({ user: `user${i}`, name: `User${i}`, verifier: 'v'.repeat(100) })
    store.apply([
      { op: 'session.put', users: ['user1', 'user2'], since: 7 },
      { op: 'room.put', room: 'lab', name: 'Lab', owner: 'user1' },
      { op: 'member.put', room: 'lab', user: 'user1' },
    ])
    store.close()
    return path
  }

  it('has everything again when it is opened again, and goes on counting addresses', () => {
    const store = new SqliteStore(filled())
    expect(store.size).to.equal(200)
    expect(store.load()).to.deep.equal({
      sessions: [{ users: ['user1', 'user2'], since: 7 }],
      rooms: [{ room: 'lab', name: 'Lab', owner: 'user1', members: ['user1'] }],
    })
    expect(store.createAccount({ user: 'new', name: 'new', verifier: 'v' })?.virtualAddress).to.equal('100.64.0.201')
    store.close()
  })

  it('applies all changes or none', () => {
    const store = new SqliteStore(filled())
    const broken = { op: 'session.put', users: ['a', 'b'], since: 'never' } as unknown as {
      op: 'session.put'
      users: [string, string]
      since: number
    }
    expectCode(() => store.apply([{ op: 'room.delete', room: 'lab' }, broken]), 'MSG_ERR_INTERNAL')
    expect(store.load().rooms).to.have.lengthOf(1)
    store.apply([{ op: 'room.delete', room: 'lab' }])
    expect(store.load().rooms).to.have.lengthOf(0)
    store.close()
  })

  it('calls a file that is no database, cut short or overwritten damaged', () => {
    const garbage = join(tempDir(), 'server.db')
    writeFileSync(garbage, 'this is not a database. '.repeat(1_000))
    expectCode(() => new SqliteStore(garbage), 'MSG_ERR_STORE_CORRUPT')

    const cut = filled()
    writeFileSync(cut, readFileSync(cut).subarray(0, 9_000))
    expectCode(() => new SqliteStore(cut), 'MSG_ERR_STORE_CORRUPT')

    const overwritten = filled()
    const bytes = readFileSync(overwritten)
    bytes.fill(0xa5, 4_096, 8_192)
    writeFileSync(overwritten, bytes)
    const error = expectCode(() => new SqliteStore(overwritten), 'MSG_ERR_STORE_CORRUPT')
    expect(error.detail).to.contain('server.db')
  })

  it('does not touch a database of a newer schema', () => {
    const path = join(tempDir(), 'a.db')
    openDatabase(path, { migrations: ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'] }).close()
    const error = expectCode(() => openDatabase(path, { migrations: ['CREATE TABLE a (x)'] }), 'MSG_ERR_STORE_CORRUPT')
    expect(error.detail).to.contain('newer')
  })

  it('runs only the migrations that a file has not seen', () => {
    const path = join(tempDir(), 'a.db')
    openDatabase(path, { migrations: ['CREATE TABLE a (x)'] }).close()
    const database = openDatabase(path, { migrations: ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'] })
    expect(database.prepare('SELECT count(*) AS n FROM b').get()).to.deep.include({ n: 0 })
    database.close()
  })

  it('leaves a file as it was when a migration fails', () => {
    const path = join(tempDir(), 'a.db')
    expectCode(() => openDatabase(path, { migrations: ['CREATE TABLE a (x); CREATE TABLE a (x)'] }), 'MSG_ERR_INTERNAL')
    const database = openDatabase(path, { migrations: ['CREATE TABLE a (x)'] })
    expect(() => inTransaction(database, () => database.exec('INSERT INTO nothing VALUES (1)'))).to.throw()
    expect(database.inTransaction).to.equal(false)
    database.close()
  })

  it('says which file another process keeps locked', () => {
    const path = join(tempDir(), 'a.db')
    const database = openDatabase(path, { migrations: [] })
    database.exec('BEGIN EXCLUSIVE')
    expectCode(() => openDatabase(path, { migrations: ['CREATE TABLE a (x)'], busyMs: 1 }), 'MSG_ERR_DATA_DIR_BUSY')
    database.exec('ROLLBACK')
    database.close()
  })

  it('says when the directory cannot be used', () => {
    expectCode(() => new SqliteStore(join(tempDir(), 'missing', 'server.db')), 'MSG_ERR_DIRECTORY_ACCESS')
    const directory = join(tempDir(), 'server.db')
    mkdirSync(directory)
    expectCode(() => new SqliteStore(directory), 'MSG_ERR_DIRECTORY_ACCESS')
  })
})
