import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { dataFiles, removeFiles } from '../../../../src/cli/plugin-packages/data.ts'
import { hostSeenFrom, linkHost } from '../../../../src/cli/plugin-packages/host-link.ts'
import {
  changeList,
  isElsewhere,
  prefixOf,
  readList,
  rootIn,
  type Listed,
} from '../../../../src/cli/plugin-packages/list.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('the link of packages to msg', () => {
  const directory = useTempDir()
  const made = (...path: string[]): string => {
    const folder = join(directory(), ...path)
    mkdirSync(folder, { recursive: true })
    return realpathSync(folder)
  }

  it('is made, kept, and follows msg when it moves', () => {
    const [one, two, packages] = [made('one'), made('two'), made('packages')]
    const link = join(packages, 'node_modules', 'msg-cli')
    for (const host of [one, one, two]) {
      expect(linkHost(packages, host)).to.equal(true)
      expect(readlinkSync(link)).to.equal(host)
      expect(hostSeenFrom(join(made('packages', 'a', 'node_modules', 'a')))).to.equal(host)
    }
  })

  it('takes the place of one that leads nowhere', () => {
    const [host, packages] = [made('host'), made('packages', 'node_modules')]
    symlinkSync('/nowhere', join(packages, 'msg-cli'))
    expect(hostSeenFrom(packages)).to.equal(undefined)
    linkHost(join(packages, '..'), host)
    expect(hostSeenFrom(packages)).to.equal(host)
  })

  it('leaves a copy that somebody put there', () => {
    const copy = made('packages', 'node_modules', 'msg-cli')
    expect(linkHost(join(directory(), 'packages'), made('host'))).to.equal(false)
    expect(lstatSync(copy).isDirectory()).to.equal(true)
  })
})

describe("the list of a user's plugins", () => {
  const directory = useTempDir()
  const entry = (name: string): Listed => ({ name, type: 'user', root: rootIn(prefixOf(directory(), name), name) })

  it('is what oclif reads, and goes away with the last of them', () => {
    changeList(directory(), () => [entry('a')])
    changeList(directory(), (list) => [...list, entry('@me/b')])
    const { oclif } = JSON.parse(readFileSync(join(directory(), 'package.json'), 'utf8')) as { oclif: object }
    expect(oclif).to.deep.equal({ schema: 1, plugins: [entry('a'), entry('@me/b')] })
    expect(readList(directory()).map(({ name }) => name)).to.deep.equal(['a', '@me/b'])
    changeList(directory(), () => [])
    expect(existsSync(join(directory(), 'package.json'))).to.equal(false)
  })

  it('keeps what else stands in its file', () => {
    writeFileSync(join(directory(), 'package.json'), '{"mine":1}')
    changeList(directory(), () => [entry('a')])
    changeList(directory(), () => [])
    expect(JSON.parse(readFileSync(join(directory(), 'package.json'), 'utf8'))).to.include({ mine: 1 })
  })

  it('is no list when the file is damaged, which is said', () => {
    writeFileSync(join(directory(), 'package.json'), '{')
    expect(() => readList(directory())).to.throw('is no JSON')
    writeFileSync(join(directory(), 'package.json'), '{"oclif":{"plugins":[1,null,{"name":"a"}]}}')
    expect(readList(directory())).to.deep.equal([{ name: 'a' }])
  })

  it('tells packages whose data directory was moved', () => {
    expect(isElsewhere(directory(), entry('a'))).to.equal(false)
    expect(isElsewhere('/elsewhere', entry('a'))).to.equal(true)
    expect(isElsewhere('/elsewhere', { ...entry('a'), type: 'link' })).to.equal(false)
  })
})

describe('what a plugin keeps', () => {
  const directory = useTempDir()

  it("is its database in the server's data and in each profile of the client's, and what SQLite puts beside it", () => {
    const profile = (server: string, user: string): string =>
      join(directory(), 'data', 'servers', server, user, 'plugins')
    const own = join(directory(), 'server', 'plugins')
    const kept = [
      [profile('one', '@ann'), 'a.db'],
      [profile('one', '@ann'), 'a.db-wal'],
      [profile('two', '@ben'), 'a.db'],
      [own, 'a.db'],
    ] as const
    const others = [
      [profile('one', '@ann'), 'a.db2'],
      [profile('one', '@ann'), 'ab.db'],
      [profile('one', 'no-user'), 'a.db'],
    ] as const
    for (const [folder, name] of [...kept, ...others]) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, name), 'kept')
    }
    const files = dataFiles('a', join(directory(), 'data'), join(directory(), 'server'))
    expect(files).to.have.deep.members(kept.map(([folder, name]) => ({ path: join(folder, name), bytes: 4 })))
    removeFiles(files)
    expect(kept.map(([folder]) => existsSync(folder))).to.deep.equal([true, true, false, false])
    expect(others.every(([folder, name]) => existsSync(join(folder, name)))).to.equal(true)
  })
})
