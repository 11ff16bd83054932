import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { isRefusal, REFUSALS } from '../src/refusals.ts'
import { procTable } from '../src/run/family.ts'
import { encodeFrame } from '../src/wire/frames.ts'
import { encodeRequest, type ExecRequest } from '../src/wire/request.ts'
import { Device, Lab, type LabOptions } from './lab.ts'

/** What a row does, with a target that was opened as the row says. @returns what the sender was told: a refusal, or why it was ended */
interface Row extends LabOptions {
  readonly told: string
  /** @default alice asks for `echo hello` */
  readonly play?: (lab: Lab) => Promise<string>
  /** Nothing may be asked. @default false */
  readonly isAsked?: boolean
}

const ECHO = { command: 'echo', args: ['**'], ask: false }
const SH = { command: 'sh', args: ['-c', '**'], ask: false }

/** The README has the same rows in the same order. */
const ROWS: Readonly<Record<string, Row>> = {
  'commands are not turned on': { told: 'not-enabled', options: { enabled: false } },
  'the system has no process groups': { told: 'unsupported', deps: { isSupported: false } },
  'the client runs as root, which is not allowed': {
    told: 'root',
    options: { allowRoot: false },
    deps: { isRoot: true },
  },
  'the request is noise': { told: 'malformed', play: (lab) => sent(lab, Buffer.from('noise')) },
  'the sender is not verified': {
    told: 'unverified',
    play: (lab) => told(lab.exec(['echo'], { stream: lab.connect(lab.alice.peer({ verified: false })) })),
  },
  "the request names another key than the link's": {
    told: 'changed-key',
    play: async (lab) => {
      const other = new Device('alice')
      return await told(lab.exec(['echo'], { stream: lab.connect(other.peer()) }))
    },
  },
  "the request names another user than the link's": {
    told: 'changed-key',
    play: (lab) => told(lab.exec(['echo'], { stream: lab.connect(lab.alice.peer({ user: 'mallory' })) })),
  },
  'the request is for somebody else': {
    told: 'wrong-addressee',
    play: (lab) => signed(lab, { to: new Device('carol').party }),
  },
  'the request is for another device of the same user': {
    told: 'wrong-addressee',
    play: (lab) => signed(lab, { to: new Device('bob').party }),
  },
  'the signature is wrong': {
    told: 'bad-signature',
    play: (lab) => sent(lab, request(lab), Buffer.alloc(64, 1)),
  },
  'the words were changed after they were signed': {
    told: 'bad-signature',
    play: (lab) => sent(lab, request(lab, { argv: ['echo', 'evil'] }), lab.alice.sign(request(lab))),
  },
  'the same request comes again': {
    told: 'replayed',
    play: async (lab) => {
      const bytes = request(lab)
      expect(await sent(lab, bytes)).to.equal('ran')
      return await sent(lab, bytes)
    },
  },
  'the same request comes again after a restart': {
    told: 'replayed',
    play: async (lab) => {
      const bytes = request(lab)
      expect(await sent(lab, bytes)).to.equal('ran')
      await lab.target.close()
      await lab.open({ options: { allow: [ECHO] } })
      return await sent(lab, bytes)
    },
  },
  'the request is older than a minute': {
    told: 'stale',
    play: (lab) => signed(lab, { at: lab.now - 60_001 }),
  },
  'the request is from the future': { told: 'stale', play: (lab) => signed(lab, { at: lab.now + 60_001 }) },
  'as many run as may': {
    told: 'too-many',
    options: { allow: [ECHO, { command: 'sleep', args: ['30'], ask: false }], limits: { ofPeer: 1 } },
    play: async (lab) => {
      const running = lab.exec(['sleep', '30'])
      while (lab.runs.length === 0) await delay(5)
      const answer = await told(lab.exec(['echo']))
      lab.runs[0]!.end('revoked')
      await running
      return answer
    },
  },
  'there is no such command': { told: 'not-found', play: (lab) => told(lab.exec(['no-such-command'])) },
  'the file is no program, and only a shell would run it': {
    told: 'not-executable',
    play: async (lab) => {
      const path = join(lab.folder, 'plain')
      writeFileSync(path, 'touch pwned\n', { mode: 0o755 })
      return await told(lab.exec([path]))
    },
  },
  'the command is a relative path': { told: 'relative', play: (lab) => told(lab.exec(['./echo'])) },
  'the command is denied, by whatever name': {
    told: 'denied',
    options: { allow: [{ command: 'cat', args: ['**'], ask: false }], deny: [{ command: 'cat' }] },
    play: async (lab) => {
      const link = join(lab.folder, 'dog')
      symlinkSync('/bin/cat', link)
      expect(await told(lab.exec([link, '/etc/hostname']))).to.equal('denied')
      return await told(lab.exec(['cat', '/etc/hostname']))
    },
  },
  'no rule names the command': { told: 'not-allowed', play: (lab) => told(lab.exec(['id'])) },
  'a rule names the command for somebody else': {
    told: 'not-allowed',
    options: { allow: [{ ...ECHO, peers: ['carol'] }] },
  },
  'no pattern fits the arguments': {
    told: 'arguments',
    options: { allow: [{ command: 'echo', args: ['hi', '*.log'] }] },
    play: (lab) => told(lab.exec(['echo', 'hi', 'x.log.sh'])),
  },
  'an interpreter that no rule names, where the rest is asked about': {
    told: 'interpreter',
    options: { unlisted: 'ask' },
    play: (lab) => told(lab.exec(['sh', '-c', 'id'])),
  },
  'the working directory is outside of what is allowed': {
    told: 'cwd',
    play: (lab) => told(lab.exec(['echo'], { cwd: '/' })),
  },
  'the working directory leads outside by a symlink': {
    told: 'cwd',
    options: { allow: [{ ...ECHO, cwd: ['/tmp/msg-nowhere'] }] },
    play: async (lab) => {
      mkdirSync(join(lab.folder, 'in'))
      symlinkSync('/', join(lab.folder, 'in', 'out'))
      return await told(lab.exec(['echo'], { cwd: join(lab.folder, 'in', 'out') }))
    },
  },
  'who is asked says no': {
    told: 'declined',
    options: { allow: [{ ...ECHO, ask: true }] },
    answer: false,
    isAsked: true,
  },
  'who is asked does not answer': {
    told: 'no-answer',
    options: { allow: [{ ...ECHO, ask: true }] },
    answer: 'never',
    deps: { askMs: 50 },
    isAsked: true,
  },
  'nobody is there to ask': {
    told: 'nobody',
    options: { allow: [{ ...ECHO, ask: true }] },
    answer: undefined,
    isAsked: true,
  },
  'a grant has expired': {
    told: 'nobody',
    options: { allow: [{ ...ECHO, ask: true }] },
    answer: undefined,
    isAsked: true,
    play: async (lab) => {
      lab.target.grant(lab.alice.peer(), 15)
      lab.now += 15 * 60_000 - 1
      expect(await told(lab.exec(['echo']))).to.equal('ran')
      lab.now += 1
      return await told(lab.exec(['echo']))
    },
  },
  'the grant is for another device of the same user': {
    told: 'nobody',
    options: { allow: [{ ...ECHO, ask: true }] },
    answer: undefined,
    isAsked: true,
    play: async (lab) => {
      lab.target.grant(new Device('alice').peer(), 15)
      return await told(lab.exec(['echo']))
    },
  },
  'the words are too long to be shown whole': {
    told: 'too-large',
    options: { allow: [{ ...ECHO, ask: true }] },
    play: (lab) => told(lab.exec(['echo', 'x'.repeat(2_000)])),
  },
  'it was revoked': {
    told: 'revoked',
    play: async (lab) => {
      lab.target.revoke()
      return await told(lab.exec(['echo']))
    },
  },
  'the audit log cannot be written': {
    told: 'audit',
    deps: {
      record: () => {
        throw new Error('disk full')
      },
    },
  },
  'what was seen cannot be kept': {
    told: 'audit',
    deps: { replay: { admit: () => Promise.reject(new Error('disk full')) } },
  },
  'the program cannot be started': {
    told: 'failed',
    deps: { start: () => Promise.reject(new Error('EAGAIN')) },
  },
  'shell metacharacters': {
    told: 'ran: ; touch pwned $(touch pwned) `touch pwned` | > pwned && *\n',
    play: async (lab) => {
      const { stdout } = await lab.exec([
        'echo',
        ';',
        'touch',
        'pwned',
        '$(touch pwned)',
        '`touch pwned`',
        '| > pwned',
        '&&',
        '*',
      ])
      expect(existsSync(join(lab.folder, 'pwned'))).to.equal(false)
      return `ran: ${stdout}`
    },
  },
  'it writes without end': {
    told: 'ended: output',
    options: { allow: [SH], limits: { outputBytes: 100_000, seconds: 20 } },
    play: async (lab) => {
      const outcome = await lab.exec(['sh', '-c', 'yes'])
      expect(outcome.stdout.length).to.equal(100_000)
      return ended(outcome)
    },
  },
  'it takes longer than it may': {
    told: 'ended: time',
    options: { allow: [SH], limits: { seconds: 1 } },
    play: async (lab) => ended(await lab.exec(['sh', '-c', 'trap "" INT TERM HUP; sleep 30; sleep 30'])),
  },
  'a fork bomb': {
    told: 'ended: processes',
    options: { allow: [SH], limits: { processes: 16, seconds: 20 } },
    play: async (lab) => {
      const outcome = ended(await lab.exec(['sh', '-c', 'f() { f | f; }; f']))
      expect(remains(lab)).to.equal(0)
      return outcome
    },
  },
  'it hides in a session of its own, with another environment': {
    told: 'ran',
    options: { allow: [SH], limits: { seconds: 20 } },
    play: async (lab) => {
      const hide = '(setsid sleep 61.5 &); (setsid env -i setsid sleep 61.5 &); sleep 0.3; echo done'
      const { kind, stdout } = await lab.exec(['sh', '-c', hide])
      expect(stdout).to.equal('done\n')
      expect(remains(lab)).to.equal(0)
      return kind === 'code' ? 'ran' : kind
    },
  },
  'the sender goes while it runs': {
    told: 'ended: link',
    options: { allow: [SH] },
    play: async (lab) => {
      const stream = lab.connect()
      const running = lab.exec(['sh', '-c', 'sleep 60 & sleep 60'], { stream }).catch(() => {})
      while (lab.runs.length === 0) await delay(5)
      await delay(50)
      stream.destroy()
      await running
      const { cause } = await lab.runs[0]!.ended
      expect(remains(lab)).to.equal(0)
      return `ended: ${cause}`
    },
  },
  'it is revoked while it runs': {
    told: 'ended: revoked',
    options: { allow: [SH] },
    play: async (lab) => {
      const running = lab.exec(['sh', '-c', 'sleep 60 & sleep 60'])
      while (lab.runs.length === 0) await delay(5)
      await delay(50)
      expect(lab.target.revoke('ALICE')).to.include({ ended: 1 })
      return ended(await running)
    },
  },
}

describe('what is refused, and what is ended', () => {
  let lab: Lab
  beforeEach(() => (lab = new Lab()))
  afterEach(() => lab.close())

  for (const [what, { told: wanted, play, isAsked = false, options, ...row }] of Object.entries(ROWS))
    it(`${what}: ${wanted.split('\n')[0]}`, async function () {
      if (wanted.includes('processes') && !procTable()) return this.skip()
      await lab.open({ ...row, options: { allow: [ECHO], ...options } })
      const answer = await (play ?? ((given: Lab) => told(given.exec(['echo', 'hello']))))(lab)
      expect(answer).to.equal(wanted)
      expect(lab.questions.length > 0).to.equal(isAsked)
      if (isRefusal(wanted)) expect(lab.audit.verify()).to.equal(undefined)
      const isRecorded = isRefusal(wanted) && wanted !== 'not-enabled' && wanted !== 'audit' && wanted !== 'failed'
      if (isRecorded) expect(lab.audit.last(4).map(({ refusal }) => refusal)).to.include(wanted)
    })

  it('is the table of the README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const [, table = ''] = readme.split('<!-- refusals -->')
    const rows = table
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim()))
    expect(rows.map(([, what]) => what)).to.deep.equal(Object.keys(ROWS))
    expect(rows.map(([, , code]) => code?.replaceAll('`', ''))).to.deep.equal(
      Object.values(ROWS).map((row) => short(row.told)),
    )
  })

  it('leaves no code without a row', () => {
    const shown = new Set(Object.values(ROWS).map((row) => row.told))
    expect(Object.keys(REFUSALS).filter((code) => !shown.has(code))).to.deep.equal([])
  })
})

const short = (wanted: string): string => wanted.split(/: [^a-z]/u)[0]!

/** Processes of the lab's runs that are still there. */
function remains(lab: Lab): number {
  const table = procTable()
  const started = new Set(lab.runs.map(({ pid }) => pid))
  return table?.list().filter(({ session, group }) => started.has(session) || started.has(group)).length ?? 0
}

async function told(outcome: ReturnType<Lab['exec']>): Promise<string> {
  const end = await outcome.catch((error: { code: string }) => ({ kind: 'gone' as const, code: error.code }))
  return end.kind === 'refused' ? end.refusal : end.kind === 'code' ? 'ran' : end.kind
}

const ended = (outcome: Awaited<ReturnType<Lab['exec']>>): string =>
  outcome.kind === 'refused' ? outcome.refusal : outcome.cause === 'none' ? 'ran' : `ended: ${outcome.cause}`

function request(lab: Lab, more: Partial<ExecRequest> = {}): Uint8Array {
  return encodeRequest({
    nonce: Buffer.alloc(16, 7),
    at: lab.now,
    from: lab.alice.party,
    to: lab.bob.party,
    argv: ['echo', 'hello'],
    cwd: '',
    ...more,
  })
}

const signed = (lab: Lab, more: Partial<ExecRequest>): Promise<string> => sent(lab, request(lab, more))

/** Bytes as they are, over a link that is alice's. */
async function sent(lab: Lab, bytes: Uint8Array, signature = lab.alice.sign(bytes)): Promise<string> {
  const stream = lab.connect()
  stream.write(encodeFrame({ type: 'request', signature, bytes }))
  let all = Buffer.alloc(0)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    all = Buffer.concat([all, chunk])
    if (all[0] === 0x02) {
      while (lab.runs.length === 0) await delay(5)
      await Promise.all(lab.runs.map(({ ended: over }) => over))
      stream.destroy()
      return 'ran'
    }
    if (all[0] === 0x03 && all.byteLength >= 4 + all.readUIntBE(1, 3)) return all.toString('latin1', 4)
  }
  return 'gone'
}
