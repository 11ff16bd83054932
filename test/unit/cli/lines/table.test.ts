import { expect } from 'chai'
import { lineCommand, usageOf } from '../../../../src/cli/lines/command.ts'
import { helpCommand } from '../../../../src/cli/lines/help.ts'
import { isSecretLine } from '../../../../src/cli/lines/secret.ts'
import { CommandTable } from '../../../../src/cli/lines/table.ts'
import { Values } from '../../../../src/cli/lines/values.ts'
import { palette } from '../../../../src/cli/render/palette.ts'

const none = { run: async () => ({}), text: () => [] }
const login = lineCommand({
  ...none,
  name: 'login',
  summary: 'sign in',
  arguments: [{ name: 'user' }, { name: 'password', optional: true, rest: true, secret: true }],
})
const leave = lineCommand({
  ...none,
  name: 'leave',
  short: 'cs',
  summary: 'go',
  options: { to: { value: 'user' }, force: {} },
})
const table: CommandTable<unknown> = new CommandTable<unknown>([login, leave, helpCommand(() => table)])
const plain = palette(false)

describe('usageOf', () => {
  it('shows required words, optional words and options', () => {
    expect(usageOf(login)).to.equal('login <user> [password]')
    expect(usageOf(leave)).to.equal('leave [--to <user>] [--force]')
  })
})

describe('CommandTable', () => {
  it('keeps what follows the name as it is', () => {
    expect(table.find('login  a  b')?.rest).to.equal(' a  b')
    expect(table.find('login')?.rest).to.equal('')
  })

  it('finds nothing for other words and for nothing', () => {
    expect(table.find('constructor')).to.equal(undefined)
    expect(table.find('')).to.equal(undefined)
  })

  it('lists every word that is understood', () => {
    expect(table.words()).to.deep.equal(['login', 'leave', 'help', 'cs', '?'])
  })
})

describe('help', () => {
  const help = table.find('help')?.command ?? login

  it('shows every command in the order of the table', async () => {
    const fields = await help.run(undefined, new Values())
    expect(fields).to.have.property('commands').with.length(3)
    const lines = help.text(fields, plain)
    expect(lines[1]).to.match(/^login <user> \[password\] +sign in$/u)
    expect(lines[2]).to.match(/^leave \[--to <user>\] \[--force\] +cs +go$/u)
  })

  it('shows one command', async () => {
    const fields = await help.run(undefined, new Values([['command', 'cs']]))
    expect(fields).to.deep.equal({
      commands: [{ short: 'cs', usage: 'leave [--to <user>] [--force]', summary: 'go' }],
    })
  })

  it('fails for a command that does not exist as typing it would', async () => {
    const error = await help.run(undefined, new Values([['command', 'leve']])).catch((reason: unknown) => reason)
    expect(String(error)).to.contain('did you mean leave?')
  })
})

describe('isSecretLine', () => {
  it('is true for lines that hold a password', () => {
    expect(isSecretLine(table, 'login alice secret')).to.equal(true)
    expect(isSecretLine(table, 'LOGIN alice secret')).to.equal(true)
  })

  it('is false for lines without one', () => {
    expect(isSecretLine(table, 'login alice')).to.equal(false)
    expect(isSecretLine(table, 'leave --to bob')).to.equal(false)
  })

  it('suspects mistyped lines', () => {
    expect(isSecretLine(table, 'x login alice secret')).to.equal(true)
    expect(isSecretLine(table, '{"command":"login","user":"a","password":"b"}')).to.equal(true)
    expect(isSecretLine(table, 'lgoin alice secret')).to.equal(true)
    expect(isSecretLine(table, 'hello')).to.equal(false)
  })
})

describe('Values', () => {
  it('tells texts from switches', () => {
    const values = new Values([
      ['to', 'bob'],
      ['force', true],
    ])
    expect(values.text('to')).to.equal('bob')
    expect(values.optional('force')).to.equal(undefined)
    expect(values.has('force')).to.equal(true)
    expect(values.has('to')).to.equal(false)
    expect(values.text('missing')).to.equal('')
  })

  it('has commands that come and go; of two with one name its own counts', () => {
    const none = { summary: '', run: async () => ({}), text: () => [] }
    const [own, other, extra] = ['users', 'users', 'files'].map((name) => lineCommand({ ...none, name }))
    let added = [other!]
    const table = new CommandTable<unknown>([own!], () => added)
    expect(table.find('files')).to.equal(undefined)
    added = [other!, extra!]
    expect(table.find('FILES x')).to.deep.equal({ command: extra, rest: 'x' })
    expect(table.find('users')?.command).to.equal(own)
    expect(table.commands).to.deep.equal([own, extra])
    expect(table.words()).to.deep.equal(['users', 'files'])
    expect(table.help().map(({ usage }) => usage)).to.deep.equal(['users', 'files'])
  })
})
