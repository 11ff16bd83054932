import { expect } from 'chai'
import * as v from 'msg-cli/valibot'
import { Grants } from '../src/policy/grants.ts'
import { isInterpreter } from '../src/policy/interpreters.ts'
import { options } from '../src/policy/options.ts'
import { decide, type Decision, type Facts } from '../src/policy/policy.ts'
import { optionsOf } from './lab.ts'

const at = (path: string, real = path): { path: string; real: string } => ({ path, real })
/** A small disk: where each name is. */
const DISK = new Map([
  ['git', at('/usr/bin/git')],
  ['ls', at('/usr/bin/ls')],
  ['rm', at('/usr/bin/rm')],
  ['python3', at('/usr/bin/python3', '/usr/bin/python3.11')],
  ['boxls', at('/box/ls', '/box/busybox')],
])

function decided(given: object, argv: string[], more: Partial<Facts> = {}): Decision {
  const named = argv[0]!
  return decide(optionsOf({ enabled: true, ...given }), {
    user: 'alice',
    argv,
    command: DISK.get(named) ?? at(named),
    cwd: '/home/bob',
    home: '/home/bob',
    isGranted: false,
    located: DISK,
    roots: new Map([['/srv', '/srv']]),
    ...more,
  })
}

describe('the policy', () => {
  it('refuses everything until a rule says otherwise', () => {
    expect(decided({}, ['ls'])).to.deep.equal({ refusal: 'not-allowed' })
    expect(decided({ allow: [{ command: 'ls' }] }, ['ls'])).to.deep.equal({ ask: true })
    expect(optionsOf(undefined)).to.include({
      enabled: false,
      allowRoot: false,
      unlisted: 'refuse',
      allowRelative: false,
    })
  })

  it('asks unless a rule or a grant says otherwise, and always where a rule wants that', () => {
    const asks = (ask: unknown, isGranted: boolean): Decision =>
      decided({ allow: [{ command: 'ls', ask }] }, ['ls'], { isGranted })
    expect([asks(true, false), asks(true, true)]).to.deep.equal([{ ask: true }, { ask: false }])
    expect([asks(false, false), asks(false, true)]).to.deep.equal([{ ask: false }, { ask: false }])
    expect([asks('always', false), asks('always', true)]).to.deep.equal([{ ask: true }, { ask: true }])
  })

  it('takes the first rule that fits', () => {
    const allow = [
      { command: 'git', args: ['push'], ask: 'always' },
      { command: 'git', args: ['**'], ask: false },
    ]
    expect(decided({ allow }, ['git', 'push'])).to.deep.equal({ ask: true })
    expect(decided({ allow }, ['git', 'log'])).to.deep.equal({ ask: false })
  })

  it('lets a grant allow nothing that no rule allows', () => {
    expect(decided({}, ['ls'], { isGranted: true })).to.deep.equal({ refusal: 'not-allowed' })
    expect(decided({ unlisted: 'ask' }, ['ls'], { isGranted: true })).to.deep.equal({ ask: true })
    const asked = { allow: [{ command: 'ls' }], deny: [{ command: 'ls' }] }
    expect(decided(asked, ['ls'], { isGranted: true })).to.deep.equal({ refusal: 'denied' })
  })

  it('allows the path that a rule means, and no other link to the same file', () => {
    const allow = [{ command: 'ls' }]
    expect(decided({ allow }, ['/usr/bin/ls'])).to.deep.equal({ ask: true })
    expect(decided({ allow }, ['/tmp/ls'])).to.deep.equal({ refusal: 'not-allowed' })
    expect(decided({ allow }, ['mine'], { command: at('/tmp/mine', '/usr/bin/ls') })).to.deep.equal({
      refusal: 'not-allowed',
    })
    // busybox is one file with many names.
    const box = [{ command: 'boxls' }]
    expect(decided({ allow: box }, ['rm'], { command: at('/box/rm', '/box/busybox') })).to.deep.equal({
      refusal: 'not-allowed',
    })
  })

  it('denies a file under any name', () => {
    const given = {
      allow: [
        { command: 'python3', args: ['**'] },
        { command: '/usr/bin/python3.11', args: ['**'] },
      ],
      deny: [{ command: 'python3' }],
    }
    for (const named of ['python3', '/usr/bin/python3.11', '/tmp/snake'])
      expect(
        decided(given, [named], { command: at(DISK.get(named)?.path ?? named, '/usr/bin/python3.11') }),
        named,
      ).to.deep.equal({
        refusal: 'denied',
      })
    expect(decided({ allow: [{ command: 'ls' }], deny: [{ command: 'rm' }] }, ['/opt/rm'])).to.deep.equal({
      refusal: 'denied',
    })
    expect(decided({ allow: [{ command: 'ls' }], deny: [{ command: '/usr/bin/ls' }] }, ['ls'])).to.deep.equal({
      refusal: 'denied',
    })
  })

  it('denies a file under the name of another hard link, which has no path in common with it', () => {
    const perl = { path: '/usr/bin/perl', real: '/usr/bin/perl', file: '1:2' }
    const located = new Map([['perl', perl]])
    const other = { path: '/usr/bin/perl5.36.0', real: '/usr/bin/perl5.36.0', file: '1:2' }
    const given = { allow: [{ command: other.path, args: ['**'] }], deny: [{ command: 'perl' }] }
    expect(decided(given, [other.path], { command: other, located })).to.deep.equal({ refusal: 'denied' })
    const third = { ...other, file: '1:3' }
    expect(decided(given, [other.path], { command: third, located })).to.deep.equal({ ask: true })
  })

  it('denies for some, or some arguments, when a rule says so', () => {
    const given = {
      allow: [{ command: 'git', args: ['**'] }],
      deny: [{ command: 'git', args: ['push', '**'], peers: ['Alice'] }],
    }
    expect(decided(given, ['git', 'push', '-f'])).to.deep.equal({ refusal: 'denied' })
    expect(decided(given, ['git', 'pull'])).to.deep.equal({ ask: true })
    expect(decided(given, ['git', 'push'], { user: 'carol' })).to.deep.equal({ ask: true })
  })

  it("keeps to the folders of the rule, else to the roots, and always allows the owner's own choice", () => {
    const rule = { command: 'ls' }
    expect(decided({ allow: [rule] }, ['ls'], { cwd: '/srv' })).to.deep.equal({ refusal: 'cwd' })
    expect(decided({ allow: [rule], roots: ['/srv'] }, ['ls'], { cwd: '/srv/deep' })).to.deep.equal({ ask: true })
    expect(decided({ allow: [rule], roots: ['/srv'] }, ['ls'], { cwd: '/srvx' })).to.deep.equal({ refusal: 'cwd' })
    const own = [{ ...rule, cwd: ['/other'] }]
    expect(decided({ allow: own, roots: ['/srv'] }, ['ls'], { cwd: '/srv' })).to.deep.equal({ refusal: 'cwd' })
    expect(decided({ allow: own, roots: ['/srv'] }, ['ls'])).to.deep.equal({ ask: true })
  })

  it('asks about what is not listed when it is told to, but not about what runs other things', () => {
    const given = { unlisted: 'ask', allow: [{ command: 'git', args: ['log'] }] }
    expect(decided(given, ['ls', '-l'])).to.deep.equal({ ask: true })
    expect(decided(given, ['git', 'push'])).to.deep.equal({ refusal: 'arguments' })
    expect(decided(given, ['python3', '-c', 'x'])).to.deep.equal({ refusal: 'interpreter' })
    expect(decided(given, ['/tmp/innocent'], { command: at('/tmp/innocent', '/bin/dash') })).to.deep.equal({
      refusal: 'interpreter',
    })
  })

  it('knows interpreters by name, whatever their version', () => {
    for (const name of [
      'sh',
      'bash',
      'python3',
      'python3.11',
      'perl5.36',
      'node',
      'env',
      'xargs',
      'sudo',
      'busybox',
      'gawk',
      'ld-linux',
      'ld-linux-x86-64.so.2',
      'perl5.36-x86_64-linux-gnu',
      'python3.11-dbg',
      'vim.basic',
      'flock',
      'setarch',
      'linux64',
      'run-parts',
      'ssh-agent',
      'socat',
    ])
      expect(isInterpreter(name), name).to.equal(true)
    for (const name of ['ls', 'uptime', 'cat', 'shasum', 'df']) expect(isInterpreter(name), name).to.equal(false)
  })

  const bad: Array<[string, unknown]> = [
    ['an unknown member', { enable: true }],
    ['a limit of no size', { limits: { seconds: 0 } }],
    ['a relative command', { allow: [{ command: './x' }] }],
    ['** before the end', { allow: [{ command: 'x', args: ['**', 'y'] }] }],
    ['a pattern that ends with a backslash', { allow: [{ command: 'x', args: ['y\\'] }] }],
    ['a relative folder', { roots: ['srv'] }],
    ['no peers at all', { allow: [{ command: 'x', peers: [] }] }],
    ['a variable of no name', { environment: { 'A=B': 'x' } }],
  ]
  for (const [what, given] of bad)
    it(`is not made of a configuration with ${what}`, () => {
      expect(v.safeParse(options, given).success).to.equal(false)
    })
})

describe('grants', () => {
  const NOW = 1_800_000_000_000

  it('last 1 to 15 minutes', () => {
    const grants = new Grants()
    for (const minutes of [0, 16, 1.5, Number.NaN])
      expect(() => grants.add('alice', 'd', minutes, NOW)).to.throw('1 to 15')
    grants.add('alice', 'd', 15, NOW)
    expect(grants.has('alice', 'd', NOW + 899_999)).to.equal(true)
    expect(grants.has('alice', 'd', NOW + 900_000)).to.equal(false)
    expect(grants.list(NOW + 900_000)).to.deep.equal([])
  })

  it('are of one device and one user, and do not grow when the clock is set back', () => {
    const grants = new Grants()
    grants.add('alice', 'd', 15, NOW)
    expect(grants.has('alice', 'other', NOW)).to.equal(false)
    expect(grants.has('mallory', 'd', NOW)).to.equal(false)
    expect(grants.has('alice', 'd', NOW - 60_000)).to.equal(false)
  })

  it('are taken back from whoever the server takes a name for, however it is typed', () => {
    const grants = new Grants()
    grants.add('straße', 'd', 15, NOW)
    expect(grants.revoke('no name')).to.equal(0)
    expect(grants.revoke('STRASSE')).to.equal(1)
  })

  it('are taken back one by one, or all at once', () => {
    const grants = new Grants()
    for (const [user, device] of [
      ['alice', 'a'],
      ['bob', 'b'],
      ['carol', 'c'],
    ] as const)
      grants.add(user, device, 5, NOW)
    expect(grants.revoke('BOB')).to.equal(1)
    expect(grants.list(NOW).map(({ user }) => user)).to.deep.equal(['alice', 'carol'])
    expect(grants.revoke()).to.equal(2)
  })
})
