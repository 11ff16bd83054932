import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { auditFolder } from '../src/audit/audit-folder.ts'
import { AuditLog } from '../src/audit/audit-log.ts'
import { verifyChain } from '../src/audit/chain.ts'

describe('the audit log', () => {
  let top: string
  let log: AuditLog
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'msg-audit-'))
    log = new AuditLog({ folder: join(top, 'log') })
  })
  afterEach(() => rmSync(top, { recursive: true, force: true }))

  const lines = (): string[] => readFileSync(log.path, 'utf8').trimEnd().split('\n')
  const fill = (count: number): void => {
    for (let i = 0; i < count; i++) log.append({ event: 'started', i })
  }

  it('is lines of JSON in a file that only its owner may read, each with the hash of the one before', () => {
    fill(3)
    expect(statSync(log.path).mode & 0o777).to.equal(0o600)
    expect(statSync(join(top, 'log')).mode & 0o777).to.equal(0o700)
    expect(lines().map((line) => (JSON.parse(line) as { i: number }).i)).to.deep.equal([0, 1, 2])
    expect(log.verify()).to.equal(undefined)
    expect(log.last(2).map(({ i }) => i)).to.deep.equal([1, 2])
  })

  const edits: Array<[string, (all: string[]) => string[]]> = [
    ['changed', (all) => all.map((line, i) => (i === 2 ? line.replace('"i":2', '"i":9') : line))],
    ['removed', (all) => all.filter((_, i) => i !== 2)],
    ['removed from the beginning', (all) => all.slice(1)],
    ['put in', (all) => [...all.slice(0, 2), all[1]!, ...all.slice(2)]],
    ['moved', (all) => [all[0]!, all[2]!, all[1]!, ...all.slice(3)]],
    ['made noise', (all) => all.map((line, i) => (i === 2 ? 'x' : line))],
  ]
  for (const [what, edit] of edits)
    it(`shows that a line was ${what}`, () => {
      fill(5)
      writeFileSync(log.path, `${edit(lines()).join('\n')}\n`)
      expect(log.verify()).to.have.property('line').that.is.within(1, 5)
    })

  it('goes on in a new file when it is full, and the chain goes on with it', () => {
    log = new AuditLog({ folder: join(top, 'log'), maxBytes: 500, keep: 2 })
    fill(4)
    expect(log.verify()).to.equal(undefined)
    fill(40)
    expect(statSync(log.path).size).to.be.below(700)
    expect(log.verify()).to.equal(undefined)
    const older = join(top, 'log', 'audit.1.jsonl')
    writeFileSync(older, readFileSync(older, 'utf8').replace('started', 'nothing'))
    expect(log.verify()).to.not.equal(undefined)
  })

  it('shows half a line that a dying process left, and goes on', () => {
    fill(2)
    truncateSync(log.path, statSync(log.path).size - 10)
    fill(1)
    expect(lines()).to.have.length(3)
    expect(log.verify()).to.deep.equal({ line: 2, why: 'it is no JSON' })
  })

  it('is not written where others may read it, or through a symlink', () => {
    fill(1)
    chmodSync(log.path, 0o644)
    expect(() => fill(1)).to.throw('others')
    rmSync(log.path)
    symlinkSync(join(top, 'elsewhere'), log.path)
    expect(() => fill(1)).to.throw()
  })

  it('is one chain when several processes write at the same time, and takes the turn of a dead one', async () => {
    const url = fileURLToPath(new URL('../src/audit/audit-log.ts', import.meta.url))
    const script = `import(${JSON.stringify(url)}).then(({ AuditLog }) => { const log = new AuditLog({ folder: ${JSON.stringify(join(top, 'log'))} }); for (let i = 0; i < 40; i++) log.append({ from: process.pid, i }) })`
    log.append({ event: 'first' })
    // As a process leaves it that was killed while it wrote.
    writeFileSync(`${log.path}.lock`, '999999')
    const writers = [1, 2, 3].map(() => spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: 'ignore' }))
    await Promise.all(writers.map((child) => new Promise((resolve) => child.once('exit', resolve))))
    expect(lines()).to.have.length(121)
    expect(verifyChain(lines())).to.equal(undefined)
  })

  it('goes on after a full disk has left a turn that names nobody, or one that names itself', () => {
    log.append({ event: 'a' })
    const lock = `${log.path}.lock`
    writeFileSync(lock, '')
    const old = new Date(Date.now() - 60_000)
    utimesSync(lock, old, old)
    log.append({ event: 'b' })
    // After a restart in a container the numbers of processes are the same again.
    writeFileSync(lock, String(process.pid))
    log.append({ event: 'c' })
    expect(log.last(3).map(({ event }) => event)).to.deep.equal(['a', 'b', 'c'])
    expect(existsSync(lock)).to.equal(false)
  })

  it('is in a folder of each device, whatever the name of its user is', () => {
    const who = { user: '../ä', device: 'SHA256:ab/cd+efghijklmnop' }
    expect(auditFolder(undefined, who, {}, '/home/x')).to.equal(
      '/home/x/.local/share/msg/remote-exec/____-abcdefghijkl',
    )
    expect(auditFolder(undefined, who, { MSG_DATA_DIR: '/d' }, '/home/x')).to.match(/^\/d\/remote-exec\//)
    expect(auditFolder('/var/a', who, {}, '/home/x')).to.match(/^\/var\/a\//)
  })
})
