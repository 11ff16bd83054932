import { expect } from 'chai'
import { CLIENT_COMMANDS } from '../../../../src/cli/client-commands/table.ts'
import { pluginLineCommand } from '../../../../src/cli/lines/plugin-command.ts'
import { CommandTable } from '../../../../src/cli/lines/table.ts'
import { complete } from '../../../../src/cli/prompt/completion.ts'
import { NameCache } from '../../../../src/cli/prompt/name-cache.ts'

const names = new NameCache({
  user: async () => ['alice', 'albert', 'bob'],
  room: async () => ['lobby', 'lab'],
  request: async () => ['carol'],
  command: async () => CLIENT_COMMANDS.words(),
  transfer: async () => ['1f00aa11', '1f22bb33'],
  priority: async () => ['high', 'normal', 'low'],
  path: async (word) => ['docs/', 'my file.txt', 'my folder/'].filter((name) => name.startsWith(word)),
})
const candidates = async (line: string): Promise<string[]> => (await complete(CLIENT_COMMANDS, names, line))[0]

describe('complete', () => {
  it('offers commands that start with what is typed', async () => {
    expect(await candidates('re')).to.deep.equal(['register '])
    expect(await candidates('room ')).to.deep.equal(['room create', 'room close'])
    expect(await candidates('room cr')).to.deep.equal(['room create '])
  })

  it('offers every command for an empty line', async () => {
    expect(await candidates('')).to.have.length(CLIENT_COMMANDS.commands.length)
  })

  it('offers users, rooms and requests where they belong', async () => {
    expect(await candidates('open ')).to.deep.equal(['alice', 'albert', 'bob'])
    expect(await candidates('o al')).to.deep.equal(['alice', 'albert'])
    expect(await candidates('enter lo')).to.deep.equal(['lobby '])
    expect(await candidates('accept ')).to.deep.equal(['carol '])
    expect(await candidates('members la')).to.deep.equal(['lab '])
  })

  it('ignores case', async () => {
    expect(await candidates('open AL')).to.deep.equal(['alice', 'albert'])
  })

  it('replaces the last word only', async () => {
    expect((await complete(CLIENT_COMMANDS, names, 'open al'))[1]).to.equal('al')
    expect((await complete(CLIENT_COMMANDS, names, 'open '))[1]).to.equal('')
  })

  it('offers options and what follows them', async () => {
    expect(await candidates('leave --')).to.deep.equal(['--to', '--force'])
    expect(await candidates('leave --to b')).to.deep.equal(['bob '])
    expect(await candidates('accept --always ca')).to.deep.equal(['carol '])
  })

  it('offers transfers by their ids, and priorities', async () => {
    expect(await candidates('file pause 1f')).to.deep.equal(['1f00aa11', '1f22bb33'])
    expect(await candidates('file limit 5MB/s 1f2')).to.deep.equal(['1f22bb33 '])
    expect(await candidates('file priority 1f22bb33 l')).to.deep.equal(['low '])
  })

  it('offers paths, blanks and all, and goes on into folders', async () => {
    expect(await candidates('file send d')).to.deep.equal(['docs/'])
    expect(await complete(CLIENT_COMMANDS, names, 'file send my f')).to.deep.equal([
      ['my file.txt', 'my folder/'],
      'my f',
    ])
    expect(await candidates('file accept 1f00aa11 --to do')).to.deep.equal(['docs/'])
  })

  it('offers nothing for free text and after the last word', async () => {
    expect(await candidates('send al')).to.deep.equal([])
    expect(await candidates('open alice ')).to.deep.equal([])
    expect(await candidates('nonsense al')).to.deep.equal([])
  })
})

describe('NameCache', () => {
  it('learns names anew each time, so that somebody who has just come is found', async () => {
    let calls = 0
    const cache = new NameCache({
      user: async () => {
        calls += 1
        return [`user${calls}`]
      },
    })
    expect(await cache.names('user')).to.deep.equal(['user1'])
    expect(await cache.names('user')).to.deep.equal(['user2'])
  })

  it('answers from what it knows when learning takes long', async () => {
    const answers: Array<Promise<string[]>> = [Promise.resolve(['bob']), new Promise(() => {})]
    const cache = new NameCache({ user: () => answers.shift()! }, 4)
    expect(await cache.names('user')).to.deep.equal(['bob'])
    expect(await cache.names('user')).to.deep.equal(['bob'])
  })

  it('does not wait longer than its patience', async () => {
    const cache = new NameCache({ user: () => new Promise(() => {}) }, 1)
    expect(await cache.names('user')).to.deep.equal([])
  })

  it('asks once while an answer is under way', async () => {
    let calls = 0
    let answer = (_names: string[]): void => {}
    const cache = new NameCache({
      user: () => {
        calls += 1
        return new Promise<string[]>((resolve) => (answer = resolve))
      },
    })
    const both = Promise.all([cache.names('user'), cache.names('user')])
    answer(['bob'])
    expect(await both).to.deep.equal([['bob'], ['bob']])
    expect(calls).to.equal(1)
  })

  it('keeps what it knew when asking fails', async () => {
    let isBroken = false
    const cache = new NameCache({
      user: async () => {
        if (isBroken) throw new Error('away')
        return ['bob']
      },
    })
    await cache.names('user')
    isBroken = true
    expect(await cache.names('user')).to.deep.equal(['bob'])
    await new Promise((resolve) => setImmediate(resolve))
    expect(await cache.names('user')).to.deep.equal(['bob'])
  })

  it('has no names for kinds nobody can tell', async () => {
    expect(await new NameCache({}).names('room')).to.deep.equal([])
  })

  it('offers what a plugin knows beside the names of a kind, and nothing when the plugin fails', async () => {
    const command = (over: object) =>
      pluginLineCommand(
        {
          name: 'greet',
          summary: '',
          arguments: [{ name: 'who', kind: 'user' }],
          run: async () => ({}),
          text: () => [],
          ...over,
        },
        () => ({ signal: new AbortController().signal, confirm: undefined }),
      )
    const table = (over: object) => new CommandTable<object>([], () => [command(over)])
    const offered = async (over: object) => (await complete(table(over), names, 'greet al'))[0]
    expect(await offered({ complete: () => ['all', 'nobody'] })).to.deep.equal(['alice', 'albert', 'all'])
    expect(await offered({ complete: () => Promise.reject(new Error('no')) })).to.deep.equal(['alice', 'albert'])
    expect(await offered({ complete: () => new Promise(() => {}) })).to.deep.equal(['alice', 'albert'])
    // They may be names that others gave: the terminal shows them as they are.
    const strange = ['al\u001b[2J', 'al\nice', 7, undefined, 'all']
    expect(await offered({ complete: () => strange })).to.deep.equal(['alice', 'albert', 'all'])
  })
})
