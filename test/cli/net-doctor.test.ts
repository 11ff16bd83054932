import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { NetReport } from '../../src/core/index.ts'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { BIN, runMsg, startMsg, type MsgResult } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { isTmuxAvailable, TmuxScreen } from '../helpers/tmux.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const schema = JSON.parse(readFileSync(join(BIN, '..', '..', 'docs', 'schema', 'commands.json'), 'utf8')) as Schema

describe('msg net doctor', () => {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const dataDir = (): string => join(directory(), 'mine')
  const doctor = (...args: string[]): Promise<MsgResult> =>
    runMsg(['net', 'doctor', ...args, '--data-dir', dataDir()], { directory: directory() })
  const reportOf = ({ stdout }: MsgResult): NetReport => {
    const lines = stdout.trimEnd().split('\n')
    expect(lines, stdout).to.have.length(1)
    const report = JSON.parse(lines[0]!) as NetReport
    expect(complaintOf(schema, report), lines[0]).to.equal(undefined)
    return report
  }
  const statusOf = ({ checks }: NetReport, wanted: string): string | undefined =>
    checks.find(({ id }) => id === wanted)?.status

  afterEach(() => stage.clear())

  it('checks this machine without a server', async () => {
    const result = await doctor('--json')
    const report = reportOf(result)
    expect(report).to.include({ server: null, user: null })
    expect(statusOf(report, 'udp-socket')).to.equal('ok')
    expect(statusOf(report, 'server')).to.equal(undefined)
    expect(result.status).to.equal(0)
  })

  it('checks a server that was never met, and remembers nothing of it', async () => {
    await stage.startServer()
    const result = await doctor(stage.address, '--json')
    const report = reportOf(result)
    expect(result.status).to.equal(0)
    expect(report.user).to.equal(null)
    for (const [id, status] of [
      ['server', 'ok'],
      ['server-key', 'warn'],
      ['clock', 'ok'],
      ['sign-in', 'skipped'],
      ['udp', undefined],
    ] as const)
      expect(statusOf(report, id), id).to.equal(status)
    expect(existsSync(join(dataDir(), 'known-servers.json'))).to.equal(false)
  })

  it('signs in as who has before, asks the UDP ports, and says so in plain lines', async () => {
    await stage.startServer()
    const mine = ['--server', stage.address, '--user', 'alice', '--data-dir', dataDir()]
    await runMsg(['client', 'register', ...mine, '--password-stdin'], { directory: directory(), input: 'secret' })
    const report = reportOf(await doctor(stage.address, '--json'))
    expect(report.user).to.equal('alice')
    for (const id of ['server-key', 'sign-in', 'udp', 'probe-port', 'mapping'])
      expect(statusOf(report, id), id).to.equal('ok')
    const { stdout, stderr, status } = await doctor(stage.address)
    expect(status).to.equal(0)
    expect(stderr).to.equal('')
    expect(stdout).to.match(/^ok {3}UDP to the server: port \d+: 5 of 5 requests answered, RTT /m)
    expect(stdout).to.match(/\nNothing stands in the way of direct links on this network\. /)
    const other = await doctor(stage.address, '--user', 'bob', '--json')
    expect(statusOf(reportOf(other), 'sign-in')).to.equal('skipped')
  })

  it('fails with 5 where there is no server, 7 where it is another one, and 2 for what is no address', async () => {
    await stage.startServer()
    const silent = createServer()
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    silent.close()
    const gone = await doctor(`127.0.0.1:${port}`, '--json')
    expect(statusOf(reportOf(gone), 'server')).to.equal('fail')
    expect(gone.status).to.equal(5)
    const other = await doctor(stage.address, '--fingerprint', `SHA256:${'A'.repeat(43)}`, '--json')
    expect(statusOf(reportOf(other), 'server-key')).to.equal('fail')
    expect(other.status).to.equal(7)
    const nonsense = await doctor('no address', '--json')
    expect(JSON.parse(nonsense.stdout)).to.include({ type: 'error', code: 'MSG_ERR_USAGE' })
    expect(nonsense.status).to.equal(2)
  })

  it('gives a terminal its cursor back when it is interrupted', async function () {
    if (!isTmuxAvailable()) this.skip()
    const silent = createServer()
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    // A terminal whose last program has ended has no cursor.
    const script = `trap : INT; "$0" "$@"; echo "status $?"; sleep 60`
    const command = ['sh', '-c', script, process.execPath, BIN, 'net', 'doctor', `127.0.0.1:${port}`]
    const screen = new TmuxScreen([...command, '--data-dir', dataDir()], { env: {}, cwd: directory() })
    try {
      await screen.until((text) => text.includes('The server, over TCP and TLS') && !screen.isCursorShown)
      screen.press('C-c')
      await screen.until((text) => text.includes('status 130'))
      expect(screen.isCursorShown).to.equal(true)
    } finally {
      screen.close()
      silent.close()
    }
  })

  it('ends at once when it is interrupted', async () => {
    const silent = createServer()
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const met = once(silent, 'connection')
    const { port } = silent.address() as AddressInfo
    const child = startMsg(['net', 'doctor', `127.0.0.1:${port}`], { directory: directory() })
    const exited = once(child, 'exit')
    await met
    await sleep(50)
    child.kill('SIGINT')
    expect(await exited).to.deep.equal([130, null])
    silent.close()
  })
})
