import { expect } from 'chai'
import { readDeclared, type Declared } from '../../../../src/cli/plugin-packages/declared.ts'
import type { MsgError } from '../../../../src/core/errors.ts'

const declared = (pjson: unknown, others: Readonly<Record<string, string>> = {}): Declared => {
  const text = typeof pjson === 'string' ? pjson : JSON.stringify(pjson)
  const files = new Map(Object.entries({ 'package.json': text, ...others }))
  return readDeclared({ names: files.keys(), has: (path) => files.has(path), text: (path) => files.get(path) })
}
const complaint = (pjson: unknown, others?: Readonly<Record<string, string>>): string => {
  try {
    declared(pjson, others)
  } catch (error) {
    expect((error as MsgError).code).to.equal('MSG_ERR_PLUGIN_PACKAGE')
    return (error as MsgError).detail
  }
  return 'no complaint'
}
const named = { name: 'msg-plugin-a', version: '1.0.0' }

describe('what a package declares', () => {
  it('is its halves, commands, hooks, scripts and dependencies', () => {
    const manifest = {
      version: '1.0.0',
      commands: {
        'client:hi': { id: 'client:hi', aliases: ['hi'], summary: 'says hi', relativePath: ['dist', 'hi.js'] },
      },
    }
    const pjson = {
      ...named,
      description: 'greets',
      author: { name: 'Ann', email: 'ann@example.org' },
      scripts: { postinstall: 'make', build: 'tsc' },
      dependencies: { left: '1' },
      optionalDependencies: { right: '2' },
      devDependencies: { typescript: '*' },
      oclif: { commands: './dist', hooks: { init: './dist/init.js' } },
      msg: { api: 1, id: 'a', server: './dist/server.js', client: 'dist/client.js', optIn: true },
    }
    expect(declared(pjson, { 'oclif.manifest.json': JSON.stringify(manifest), 'binding.gyp': '' })).to.deep.equal({
      ...named,
      description: 'greets',
      author: 'Ann <ann@example.org>',
      api: 1,
      id: 'a',
      server: 'dist/server.js',
      client: 'dist/client.js',
      optIn: true,
      commands: [{ id: 'client:hi', aliases: ['hi'], summary: 'says hi', path: 'dist/hi.js' }],
      hasManifest: true,
      hooks: ['init'],
      scripts: ['postinstall', 'node-gyp'],
      dependencies: { left: '1', right: '2' },
    })
  })

  it('are the names of files where there is no manifest of commands', () => {
    const files = {
      'dist/commands/client/hi.js': '',
      'dist/commands/hi/index.js': '',
      'dist/commands/hi/index.d.ts': '',
    }
    const { commands, hasManifest } = declared({ ...named, oclif: { commands: './dist/commands/' } }, files)
    expect(commands.map(({ id }) => id)).to.deep.equal(['client:hi', 'hi'])
    expect(hasManifest).to.equal(false)
  })

  it('is refused when it cannot be read', () => {
    expect(complaint('{')).to.contain('no JSON')
    expect(complaint([])).to.contain('no object')
    expect(complaint(named, { 'oclif.manifest.json': '<' })).to.contain('oclif.manifest.json is no JSON')
    expect(() => readDeclared({ names: [], has: () => false, text: () => undefined })).to.throw('no package.json')
  })

  it('is refused with a manifest of another version, which oclif would warn of at every start', () => {
    expect(complaint(named, { 'oclif.manifest.json': '{"version":"1.0.1"}' })).to.contain('is of 1.0.1; build it again')
    expect(complaint(named, { 'oclif.manifest.json': '{}' })).to.contain('is of no version')
    expect(complaint({ ...named, version: '1.0.0-rc.1' }, { 'oclif.manifest.json': '{"version":"1.0.0"}' })).to.equal(
      'no complaint',
    )
  })

  for (const name of [
    'msg-cli',
    'node_modules',
    '',
    '../x',
    'a/b',
    '@a',
    '@a/../b',
    'A',
    '.a',
    '-a',
    'a b',
    'a'.repeat(215),
    1,
    null,
  ])
    it(`is refused with the name ${JSON.stringify(name).slice(0, 20)}`, () => {
      expect(complaint({ ...named, name })).to.contain('cannot be its name')
    })

  for (const version of ['', 'latest', '1', '1.0.0/../..', '1.0.0 ', null])
    it(`is refused with the version ${JSON.stringify(version)}`, () => {
      expect(complaint({ ...named, version })).to.contain('no version')
    })

  for (const path of ['../server.js', '/server.js', 'a/../../b', '.', '', 'c:\\x', '..\\x', 7, {}])
    it(`is refused with ${JSON.stringify(path)} for a half`, () => {
      expect(complaint({ ...named, msg: { api: 1, server: path } })).to.contain('no path in it')
    })

  it('takes what has the wrong type for not said', () => {
    const { description, author, api, id, commands, hooks, dependencies } = declared(
      { ...named, description: 1, author: [], msg: { api: '1', id: 2 }, oclif: [], dependencies: { a: 1 } },
      { 'oclif.manifest.json': '{"version":"1.0.0","commands":[]}' },
    )
    expect([description, author, api, id]).to.deep.equal([undefined, undefined, undefined, undefined])
    expect([commands, hooks, dependencies]).to.deep.equal([[], [], {}])
  })
})
