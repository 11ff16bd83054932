import { expect } from 'chai'
import { checkDeclared, checkProbed, type Other } from '../../../../src/cli/plugin-packages/checks.ts'
import { readDeclared } from '../../../../src/cli/plugin-packages/declared.ts'
import type { Probed } from '../../../../src/cli/plugin-packages/probe.ts'
import type { MsgError } from '../../../../src/core/errors.ts'

const complaintOf = (fn: () => unknown): string => {
  try {
    fn()
  } catch (error) {
    const { code, message } = error as MsgError
    return `${code} ${message}`
  }
  return 'no complaint'
}

describe('the checks of a package before it runs', () => {
  const check = (
    pjson: object,
    { files = ['s.js', 'c.js'], others = [] as Other[], commands = [] as string[] } = {},
  ): string => {
    const manifest = {
      version: '1.0.0',
      commands: Object.fromEntries(commands.map((id) => [id, { relativePath: [`${id}.js`] }])),
    }
    const texts: Record<string, string> = {
      'package.json': JSON.stringify({ name: 'p', version: '1.0.0', ...pjson }),
      'oclif.manifest.json': JSON.stringify(manifest),
    }
    const all = { names: files, has: (path: string) => files.includes(path), text: (path: string) => texts[path] }
    return complaintOf(() => checkDeclared(readDeclared(all), all, others, 1))
  }
  const halves = { msg: { api: 1, server: './s.js', client: './c.js' } }
  const core: Other = { name: 'msg-cli', type: 'core', commands: [{ id: 'client:send', aliases: ['tell'] }] }

  it('pass a package with halves, with one half, and with commands alone', () => {
    expect(check(halves)).to.equal('no complaint')
    expect(check({ msg: { api: 1, client: './c.js' } })).to.equal('no complaint')
    expect(check({}, { commands: ['hi'], files: ['hi.js'] })).to.equal('no complaint')
  })

  it('refuse what is no plugin', () => {
    expect(check({})).to.contain('MSG_ERR_PLUGIN_PACKAGE').and.to.contain('no plugin of msg')
  })

  it('refuse another api, and one that is not said', () => {
    expect(check({ msg: { ...halves.msg, api: 2 } }))
      .to.contain('MSG_ERR_PLUGIN_API')
      .and.to.contain('api 2, this msg has api 1')
    expect(check({ msg: { client: './c.js' } })).to.contain('MSG_ERR_PLUGIN_API')
    expect(check({ msg: { api: 2 } }, { commands: ['hi'], files: ['hi.js'] })).to.contain('MSG_ERR_PLUGIN_API')
  })

  it('refuse a half or a command that is not in it, and say how it comes in', () => {
    expect(check(halves, { files: ['s.js'] })).to.contain('msg.client is c.js, which is not there; build it')
    expect(check(halves, { commands: ['hi'] })).to.contain('the command hi is hi.js, which is not there; build it')
  })

  it('refuse a copy of msg that it would bring', () => {
    expect(check({ ...halves, dependencies: { 'msg-cli': '*' } })).to.contain('a copy of it')
    expect(check({ ...halves, peerDependencies: { 'msg-cli': '*' } })).to.equal('no complaint')
  })

  it('refuse a command that is there already, under any of its names', () => {
    for (const id of ['client:send', 'tell'])
      expect(check({}, { commands: [id], files: [`${id}.js`], others: [core] }))
        .to.contain('MSG_ERR_PLUGIN_TAKEN')
        .and.to.contain('from msg-cli')
    const other: Other = { name: 'q', type: 'user', commands: [{ id: 'hi' }] }
    expect(check({}, { commands: ['hi'], files: ['hi.js'], others: [other] })).to.contain('from q')
  })

  it('let a package take the place of itself', () => {
    const before: Other = { name: 'p', type: 'user', commands: [{ id: 'hi' }] }
    expect(check({}, { commands: ['hi'], files: ['hi.js'], others: [before] })).to.equal('no complaint')
  })

  it('refuse the name of a part of the program, and let a bundled plugin be replaced', () => {
    expect(check(halves, { others: [{ name: 'p', type: 'core', commands: [] }] })).to.contain('a part of msg itself')
    const bundled = { name: 'p', type: 'core', commands: [], pjson: { msg: {} } }
    expect(check(halves, { others: [bundled] })).to.equal('no complaint')
  })
})

describe('the checks of a package that was imported', () => {
  const half = (
    part: 'server' | 'client',
    id: string,
    commands: Array<{ name: string; short?: string }> = [],
  ): Probed => ({
    part,
    path: `${part}.js`,
    ms: 1,
    id,
    registered: { handlers: [], hooks: [], commands, streams: false },
  })
  const words = {
    client: { commands: [{ name: 'send', short: 's' }] },
    server: { commands: [{ name: 'stop', short: 'x' }] },
  }
  const check = (
    probed: readonly Probed[],
    others: Array<{ name: string; probed: readonly Probed[] }> = [],
    id?: string,
  ): string => complaintOf(() => checkProbed({ name: 'p', declared: { id }, probed }, others, words))

  it('tell the id', () => {
    const probed = [half('server', 'a'), half('client', 'a')]
    expect(checkProbed({ name: 'p', declared: { id: 'a' }, probed }, [], words)).to.equal('a')
    expect(checkProbed({ name: 'p', declared: { id: undefined }, probed: [] }, [], words)).to.equal(undefined)
  })

  it('refuse what does not load, naming the module', () => {
    expect(check([{ part: 'command', path: 'dist/hi.js', ms: 1, fault: 'boom' }])).to.contain('dist/hi.js: boom')
  })

  it('refuse halves of two plugins, and an id that is not the declared one', () => {
    expect(check([half('server', 'a'), half('client', 'b')])).to.contain('a and b')
    expect(check([half('server', 'a')], [], 'b')).to.contain('its id is b')
  })

  it('refuse the id of another plugin', () => {
    expect(check([half('server', 'a')], [{ name: 'q', probed: [half('client', 'a')] }]))
      .to.contain('MSG_ERR_PLUGIN_TAKEN')
      .and.to.contain('from q')
  })

  it('refuse words of the consoles that are taken, long or short', () => {
    for (const command of [{ name: 'send' }, { name: 's' }, { name: 'greet', short: 's' }])
      expect(check([half('client', 'a', [command])]), command.name)
        .to.contain('MSG_ERR_PLUGIN_TAKEN')
        .and.to.contain('msg itself')
    expect(check([half('client', 'a', [{ name: 'stop' }])])).to.equal('no complaint')
    expect(check([half('server', 'a', [{ name: 'stop' }])])).to.contain("on the server's console")
    const other = { name: 'q', probed: [half('client', 'b', [{ name: 'greet', short: 'g' }])] }
    expect(check([half('client', 'a', [{ name: 'g' }])], [other])).to.contain('from q')
  })
})
