import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadSettings, type Settings } from '../../../../src/cli/config/load.ts'
import { SETTING_ROWS } from '../../../../src/cli/config/settings.ts'
import { SETTINGS } from '../../../../src/cli/config/settings.ts'
import { CONTROLLERS } from '../../../../src/core/transport/congestion/controllers.ts'
import { MsgError } from '../../../../src/core/errors.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('loadSettings', () => {
  const directory = useTempDir()
  const project = (): string => join(directory(), 'project')
  const config = (): string => join(directory(), 'config')

  beforeEach(() => {
    mkdirSync(project(), { recursive: true })
    mkdirSync(config(), { recursive: true })
    writeFileSync(join(project(), 'package.json'), '{}')
  })

  function load(sources: { flags?: object; env?: Record<string, string>; cwd?: string } = {}): Settings {
    const env = { MSG_CONFIG_DIR: config(), ...sources.env }
    return loadSettings({ flags: sources.flags ?? {}, env, cwd: sources.cwd ?? project() })
  }

  function complaint(sources?: Parameters<typeof load>[0]): string {
    try {
      load(sources)
    } catch (error) {
      if (MsgError.is(error) && error.code === 'MSG_ERR_CONFIG_INVALID') return error.message
      throw error
    }
    throw new Error('was accepted')
  }

  it('takes defaults where nothing is set', () => {
    const settings = load()
    expect(settings.resolved('port')).to.deep.equal({ value: 7788, origin: 'default' })
    expect(settings.text('server')).to.equal(undefined)
    expect(settings.isOn('keepOpen')).to.equal(false)
  })

  it('prefers the user file to the default, the project file to that, the environment to that, and a flag to all', () => {
    writeFileSync(join(config(), 'config.json'), '{"port":1}')
    expect(load().resolved('port')).to.deep.include({ value: 1, origin: 'user', source: join(config(), 'config.json') })
    writeFileSync(join(project(), '.msgrc.json'), '{"port":2}')
    expect(load().resolved('port')).to.deep.include({ value: 2, origin: 'project' })
    expect(load({ env: { MSG_PORT: '3' } }).resolved('port')).to.deep.equal({
      value: 3,
      origin: 'env',
      source: 'MSG_PORT',
    })
    const all = load({ flags: { port: 4 }, env: { MSG_PORT: '3' } })
    expect(all.resolved('port')).to.deep.equal({ value: 4, origin: 'flag', source: '--port' })
  })

  it('offers the congestion controls that there are', () => {
    const { kind } = SETTINGS.congestion
    expect(kind.choices).to.deep.equal(Object.keys(CONTROLLERS))
    expect(load({ flags: { congestion: 'cubic' } }).resolved('congestion')).to.deep.equal({
      value: 'cubic',
      origin: 'flag',
      source: '--congestion',
    })
  })

  it('takes the file of a trace from where it was named', () => {
    writeFileSync(join(project(), '.msgrc.json'), '{"traceLinks":"links.jsonl"}')
    expect(load().text('traceLinks')).to.equal(join(project(), 'links.jsonl'))
  })

  it('reads YAML', () => {
    writeFileSync(join(project(), '.msgrc.yaml'), 'server: chat.example.org\nkeepOpen: true\n')
    expect(load().text('server')).to.equal('chat.example.org')
    expect(load().isOn('keepOpen')).to.equal(true)
  })

  it('finds the project file from a folder inside the project, and not beyond its root', () => {
    const inside = join(project(), 'a', 'b')
    mkdirSync(inside, { recursive: true })
    writeFileSync(join(directory(), '.msgrc.json'), '{"port":9}')
    expect(load({ cwd: inside }).number('port')).to.equal(7788)
    writeFileSync(join(project(), '.msgrc.json'), '{"port":2}')
    expect(load({ cwd: inside }).number('port')).to.equal(2)
  })

  it('never runs code of the current folder', () => {
    const trap = join(directory(), 'trapped')
    const code = `require('node:fs').writeFileSync(${JSON.stringify(trap)}, 'x'); module.exports = { port: 1 }`
    mkdirSync(join(project(), '.config'))
    for (const name of ['.msgrc.js', '.msgrc.cjs', 'msg.config.js', '.config/config.js', '.config/config.cjs']) {
      writeFileSync(join(project(), name), code)
    }
    expect(load().number('port')).to.equal(7788)
    expect(() => writeFileSync(trap, '', { flag: 'wx' }), 'the trap was sprung').not.to.throw()
  })

  it('names file and key of a wrong value', () => {
    const file = join(project(), '.msgrc.json')
    writeFileSync(file, '{"port":"many"}')
    expect(complaint()).to.equal(
      `configuration is invalid: ${file}: port is "many", but must be a whole number from 0 to 65535`,
    )
    writeFileSync(file, '{"accept":"nobody"}')
    expect(complaint()).to.contain('accept is "nobody", but must be one of ask, contacts, everyone')
    writeFileSync(file, '{"keepOpen":"yes"}')
    expect(complaint()).to.contain('keepOpen is "yes", but must be true or false')
    writeFileSync(file, '{"server":["a"]}')
    expect(complaint()).to.contain('server is ["a"], but must be text')
  })

  it('suggests the key that was meant', () => {
    writeFileSync(join(project(), '.msgrc.json'), '{"severDir":"x"}')
    expect(complaint()).to.contain('unknown key severDir; did you mean serverDir?')
    writeFileSync(join(project(), '.msgrc.json'), '{"__proto__x":1}')
    expect(complaint()).to.contain('unknown key __proto__x')
  })

  it('refuses in a file what decides where files are', () => {
    writeFileSync(join(project(), '.msgrc.json'), '{"configDir":"x"}')
    expect(complaint()).to.contain('configDir cannot be set in a file; use MSG_CONFIG_DIR')
  })

  it('tells a file that is not JSON, not YAML or not an object', () => {
    const file = join(project(), '.msgrc.json')
    writeFileSync(file, '{')
    expect(complaint()).to.contain(`${file} is not valid JSON`)
    writeFileSync(file, '[1]')
    expect(complaint()).to.contain(`${file} must hold keys and values`)
    writeFileSync(file, '')
    expect(load().number('port')).to.equal(7788)
    writeFileSync(join(config(), 'config.yaml'), 'a: [')
    expect(complaint()).to.contain('is not valid YAML')
  })

  it('refuses a file that is far too large', () => {
    writeFileSync(join(project(), '.msgrc.json'), ' '.repeat(300_000))
    expect(complaint()).to.contain('is over 262144 bytes')
  })

  it('names the variable of a wrong environment value', () => {
    expect(complaint({ env: { MSG_PORT: '70000' } })).to.contain('MSG_PORT is 70000, but must be a whole number')
    expect(complaint({ env: { MSG_PORT: '0x10' } })).to.contain('MSG_PORT is "0x10"')
    expect(complaint({ env: { MSG_KEEP_OPEN: 'perhaps' } })).to.contain('MSG_KEEP_OPEN is "perhaps"')
  })

  it('treats an empty variable as unset', () => {
    expect(load({ env: { MSG_PORT: '' } }).resolved('port').origin).to.equal('default')
  })

  it('reads switches from the environment in the usual spellings', () => {
    for (const text of ['1', 'true', 'YES', 'on'])
      expect(load({ env: { MSG_KEEP_OPEN: text } }).isOn('keepOpen')).to.equal(true)
    for (const text of ['0', 'false', 'No', 'off'])
      expect(load({ env: { MSG_KEEP_OPEN: text } }).isOn('keepOpen')).to.equal(false)
  })

  it('derives directories from each other and from XDG', () => {
    const xdg = load({ env: { XDG_DATA_HOME: '/xdg' } })
    expect(xdg.text('dataDir')).to.equal('/xdg/msg')
    expect(xdg.text('serverDir')).to.equal('/xdg/msg/server')
    const own = load({ env: { MSG_DATA_DIR: '/own' } })
    expect(own.text('serverDir')).to.equal('/own/server')
    expect(load({ env: { MSG_DATA_DIR: '/own', MSG_SERVER_DIR: '/srv' } }).text('serverDir')).to.equal('/srv')
  })

  it('takes relative paths in a file as relative to the file', () => {
    writeFileSync(join(project(), '.msgrc.json'), '{"dataDir":"data"}')
    expect(load().text('dataDir')).to.equal(join(project(), 'data'))
  })

  it('says how to set what is needed', () => {
    expect(() => load().required('server')).to.throw('server is needed: give --server or set MSG_SERVER')
  })
})

describe('the table of settings', () => {
  it('names every variable MSG_ and its own key in capitals', () => {
    for (const [key, { env }] of SETTING_ROWS) {
      expect(env).to.equal(`MSG_${key.replace(/[A-Z]/gu, (letter) => `_${letter}`).toUpperCase()}`)
    }
  })

  it('has a summary for each, without a full stop', () => {
    for (const [, { summary }] of SETTING_ROWS) expect(summary).to.match(/[^.]$/u)
  })
})
