import { expect } from 'chai'
import { lineCommand } from '../../../../src/cli/lines/command.ts'
import { headOf, parseLine } from '../../../../src/cli/lines/parse.ts'
import { CommandTable } from '../../../../src/cli/lines/table.ts'
import { MsgError } from '../../../../src/core/errors.ts'

const none = { summary: '', run: async () => ({}), text: () => [] }
const table = new CommandTable<unknown>([
  lineCommand({ ...none, name: 'send', short: 's', arguments: [{ name: 'text', rest: true }] }),
  lineCommand({
    ...none,
    name: 'login',
    arguments: [{ name: 'user' }, { name: 'password', optional: true, rest: true, secret: true }],
  }),
  lineCommand({ ...none, name: 'leave', short: 'cs', options: { to: { value: 'user' }, force: {} } }),
  lineCommand({ ...none, name: 'accept', arguments: [{ name: 'user', optional: true }], options: { always: {} } }),
  lineCommand({ ...none, name: 'room create', short: 'cnr', arguments: [{ name: 'room' }] }),
  lineCommand({ ...none, name: 'room close', short: 'cr', arguments: [{ name: 'room', optional: true }] }),
  lineCommand({ ...none, name: 'users', short: 'lu' }),
])

function failure(line: string): MsgError {
  try {
    parseLine(table, line)
  } catch (error) {
    if (MsgError.is(error)) return error
  }
  throw new Error(`parsed: ${line}`)
}

describe('parseLine', () => {
  it('finds a command by its long name', () => {
    expect(parseLine(table, 'users').command.name).to.equal('users')
  })

  it('finds a command by its classic short name', () => {
    expect(parseLine(table, 'lu').command.name).to.equal('users')
  })

  it('takes several words in double quotes as one, and quotes inside of a word as they are', () => {
    const room = (line: string): string => parseLine(table, line).values.text('room')
    expect(room('room create "my room"')).to.equal('my room')
    expect(room('room create "--odd"')).to.equal('--odd')
    expect(room('room create a"b"')).to.equal('a"b"')
    expect(room('room create "open')).to.equal('"open')
    expect(parseLine(table, 'leave --to "two words" --force').values.optional('to')).to.equal('two words')
    expect(parseLine(table, 'send "as it is"').values.text('text')).to.equal('"as it is"')
    expect(failure('room create "a" "b"').message).to.contain('does not take "b"')
  })

  it('finds names of two words, however many blanks are between', () => {
    const { command, values } = parseLine(table, '  room   create lobby ')
    expect(command.name).to.equal('room create')
    expect(values.text('room')).to.equal('lobby')
  })

  it('ignores the case of a command name but not that of its words', () => {
    const { command, values } = parseLine(table, 'CNR Lobby')
    expect(command.name).to.equal('room create')
    expect(values.text('room')).to.equal('Lobby')
  })

  it('gives send the rest of the line verbatim', () => {
    expect(parseLine(table, 'send  two  blanks and --options ').values.text('text')).to.equal(
      ' two  blanks and --options ',
    )
    expect(parseLine(table, 's "quotes" stay').values.text('text')).to.equal('"quotes" stay')
  })

  it('wants a text to send', () => {
    expect(failure('send').message).to.equal('send needs <text>; usage: send <text>')
    expect(failure('send   ').code).to.equal('MSG_ERR_USAGE')
  })

  it('takes a password with blanks inside, but not around', () => {
    const { values } = parseLine(table, 'login alice  a b  ')
    expect(values.text('user')).to.equal('alice')
    expect(values.text('password')).to.equal('a b')
  })

  it('leaves an optional argument out', () => {
    expect(parseLine(table, 'login alice').values.optional('password')).to.equal(undefined)
  })

  it('reads switches before and after words', () => {
    for (const line of ['accept --always bob', 'accept bob --always']) {
      const { values } = parseLine(table, line)
      expect(values.text('user')).to.equal('bob')
      expect(values.has('always')).to.equal(true)
    }
  })

  it('reads options with a value, with a blank or an equals sign', () => {
    for (const line of ['leave --to bob', 'leave --to=bob', 'cs --to bob --force']) {
      expect(parseLine(table, line).values.optional('to')).to.equal('bob')
    }
  })

  it('says which option needs a value', () => {
    expect(failure('leave --to').message).to.contain('leave needs <user> after --to')
  })

  it('refuses options and words a command does not have', () => {
    expect(failure('users --all').message).to.contain('users has no option --all')
    expect(failure('users now').message).to.contain('users does not take "now"')
    expect(failure('leave --constructor').message).to.contain('has no option')
  })

  it('suggests the nearest command', () => {
    expect(failure('usres').message).to.equal('unknown command "usres"; did you mean users?')
    expect(failure('sned hi').message).to.equal('unknown command "sned"; did you mean send?')
  })

  it('suggests nothing when nothing is near', () => {
    expect(failure('hello there').message).to.equal('unknown command "hello"')
  })

  it('does not repeat a long mistyped word in full', () => {
    expect(failure('x'.repeat(500)).message.length).to.be.below(100)
  })

  describe('with JSON lines', () => {
    it('takes arguments and options as members', () => {
      const { command, values } = parseLine(table, '{"command":"accept","user":"bob","always":true}')
      expect(command.name).to.equal('accept')
      expect(values.text('user')).to.equal('bob')
      expect(values.has('always')).to.equal(true)
    })

    it('takes text with line breaks, which a plain line cannot hold', () => {
      expect(parseLine(table, '{"command":"send","text":"a\\nb"}').values.text('text')).to.equal('a\nb')
    })

    it('knows two-word and short names', () => {
      expect(parseLine(table, '{"command":"room close"}').command.name).to.equal('room close')
      expect(parseLine(table, '{"command":"cr"}').command.name).to.equal('room close')
    })

    it('refuses what is not JSON', () => {
      expect(failure('{"command":').message).to.equal('the line is not valid JSON')
    })

    it('refuses objects without a command', () => {
      expect(failure('{"text":"hi"}').message).to.contain('needs "command"')
      expect(failure('{"command":7}').message).to.contain('needs "command"')
    })

    it('refuses members the command does not have, and wrong types', () => {
      expect(failure('{"command":"users","all":true}').message).to.contain('does not take "all"')
      expect(failure('{"command":"send","text":7}').message).to.contain('takes "text" as a string')
      expect(failure('{"command":"accept","always":"yes"}').message).to.contain('takes "always" as a boolean')
    })

    it('refuses a command with words in its name', () => {
      expect(failure('{"command":"send hi"}').message).to.contain('unknown command')
    })

    it('says what is missing', () => {
      expect(failure('{"command":"room create"}').message).to.contain('needs <room>')
    })
  })
})

describe('headOf', () => {
  it('is the first word, or the command member of a JSON line', () => {
    expect(headOf('  foo bar')).to.equal('foo')
    expect(headOf('{"command":"foo","x":1}')).to.equal('foo')
    expect(headOf('{"command":1}')).to.equal('{')
    expect(headOf('{broken')).to.equal('{')
    expect(headOf('')).to.equal('')
  })
})
