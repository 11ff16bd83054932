import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { environmentOf } from '../src/run/environment.ts'
import { newMark, procTable } from '../src/run/family.ts'
import { locate } from '../src/run/locate.ts'
import { Run, type RunOptions } from '../src/run/runner.ts'
import { findWrappers, wrap } from '../src/run/wrappers.ts'
import { encodeFrame } from '../src/wire/frames.ts'
import { Lab } from './lab.ts'

/** Bytes of buffers that are in use. */
function buffers(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().arrayBuffers
}

const limits = { seconds: 20, outputBytes: 10_000_000, processes: 64 }

describe('a command that runs', () => {
  const started: Run[] = []
  const start = async (script: string, more: Partial<RunOptions> = {}): Promise<{ run: Run; out: () => string }> => {
    let out = ''
    const run = await Run.start(
      {
        path: '/bin/sh',
        argv: ['sh', '-c', script],
        cwd: tmpdir(),
        env: { PATH: '/usr/bin:/bin' },
        mark: newMark(),
        limits,
        onOutput: async (_name, bytes) => void (out += bytes.toString()),
        ...more,
      },
      { wrappers: findWrappers(), table: procTable(), graceMs: 300 },
    )
    started.push(run)
    return { run, out: () => out }
  }
  afterEach(() => {
    for (const run of started.splice(0)) run.end('closing')
  })

  it('sees nothing of the environment but what it needs', async () => {
    const env = environmentOf(
      { HOME: '/home/x', SECRET_TOKEN: 's', LD_PRELOAD: '/x.so', NODE_OPTIONS: '--x', LANG: 'C', PATH: '/evil' },
      { path: ['/usr/bin', '/bin'], added: { EXTRA: '1' }, peer: 'alice' },
    )
    const { run, out } = await start('env', { env })
    await run.ended
    const names = out()
      .split('\n')
      .map((line) => line.split('=')[0]!)
    expect(names.filter((name) => !['', 'PWD', '_', 'SHLVL', 'OLDPWD'].includes(name)).sort()).to.deep.equal(
      ['EXTRA', 'HOME', 'LANG', 'MSG_EXEC_PEER', 'MSG_EXEC_RUN', 'PATH', 'TERM'].sort(),
    )
    expect(out()).to.contain('PATH=/usr/bin:/bin\n')
  })

  it('gets a signal first, and is killed when the grace is over', async () => {
    const kind = await start('trap "echo bye; exit 3" INT; while :; do sleep 0.05; done')
    await delay(200)
    kind.run.signal('SIGINT')
    expect(await kind.run.ended).to.include({ kind: 'code', number: 3, cause: 'none' })
    expect(kind.out()).to.equal('bye\n')
    const stubborn = await start('trap "" INT TERM; while :; do sleep 0.05; done')
    await delay(200)
    stubborn.run.signal('SIGINT')
    expect(await stubborn.run.ended).to.include({ kind: 'signal', number: 9, cause: 'stopped' })
  })

  it('leaves nothing behind, also when it ends by itself', async () => {
    const { run } = await start('sleep 61 & sleep 61 & echo $!')
    expect(await run.ended).to.include({ kind: 'code', number: 0, cause: 'none', isClean: true })
    expect(
      procTable()
        ?.list()
        .filter(({ session }) => session === run.pid) ?? [],
    ).to.deep.equal([])
  })

  it('cannot gain privileges, write core files, or raise its limits', async function () {
    const { setpriv, prlimit } = findWrappers()
    if (!setpriv || !prlimit) return this.skip()
    const { run, out } = await start('grep NoNewPrivs /proc/self/status; ulimit -c')
    await run.ended
    expect(out().replace(/\s+/gu, ' ')).to.equal('NoNewPrivs: 1 0 ')
    const limited = { threads: 100, memoryBytes: 2 ** 30, locks: 7 }
    expect(wrap({ setpriv: '/s', prlimit: '/p' }, limited, ['/bin/x', '--', '-y'])).to.deep.equal(
      '/s --no-new-privs --pdeathsig=KILL -- /p --core=0 --locks=7 --nproc=100 --as=1073741824 -- /bin/x -- -y'.split(
        ' ',
      ),
    )
    expect(wrap({ setpriv: undefined, prlimit: undefined }, limited, ['/bin/x', 'y'])).to.deep.equal(['/bin/x', 'y'])
  })

  it('waits for a slow reader: what is kept of endless output is bounded', async () => {
    let isHeld = true
    let got = 0
    const { run } = await start('yes', {
      limits: { ...limits, outputBytes: 2 ** 40 },
      onOutput: async (_name, bytes) => {
        got += bytes.byteLength
        while (isHeld) await delay(10)
      },
    })
    await delay(300)
    const before = buffers()
    await delay(700)
    expect(got).to.be.at.most(65_536)
    expect(buffers() - before).to.be.below(2_000_000)
    run.end('revoked')
    isHeld = false
    expect(await run.ended).to.include({ cause: 'revoked' })
  })

  it('is found by name in the given folders only, and must be a program', async () => {
    const path = ['/usr/bin', '/bin']
    expect(await locate('sh', { path })).to.have.property('path', '/usr/bin/sh')
    expect(await locate('sh', { path: ['/nowhere'] })).to.equal('not-found')
    expect(await locate('../bin/sh', { path })).to.equal('relative')
    expect(await locate('./sh', { path, relativeTo: '/bin' })).to.have.property('path', '/bin/sh')
    for (const word of ['', '.', '..', '/', '/tmp', '/etc/passwd/x'])
      expect(await locate(word, { path }), word).to.be.oneOf(['not-found'])
    expect(await locate('/etc/passwd', { path })).to.equal('not-executable')
  })

  it('ends with the process that started it, even when that is killed', async function () {
    if (!procTable()) return this.skip()
    const folder = mkdtempSync(join(tmpdir(), 'msg-guard-'))
    const at = (name: string): string =>
      JSON.stringify(fileURLToPath(new URL(`../src/run/${name}.ts`, import.meta.url)))
    const script = `Promise.all([import(${at('runner')}), import(${at('family')}), import(${at('guardian')})]).then(([{ Run }, { newMark, procTable }, { Guardian }]) =>
      Run.start({ path: '/bin/sh', argv: ['sh', '-c', '(setsid env -i setsid sleep 62.5 &); sleep 62.5 & sleep 62.5'], cwd: '/', env: { PATH: '/usr/bin:/bin' }, mark: newMark(),
        limits: ${JSON.stringify(limits)}, onOutput: async () => {} }, { wrappers: { prlimit: '/usr/bin/prlimit', setpriv: undefined }, table: procTable(), guardian: new Guardian() }))
      .then((run) => process.stdout.write(run.pid + '\\n'))`
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await Readable.from(child.stdout!).take(1).toArray()) as [Buffer]
      const pid = Number(String(line))
      const sleepers = (): number =>
        procTable()!
          .list()
          .filter((one) => {
            try {
              return readFileSync(`/proc/${one.pid}/cmdline`, 'latin1').startsWith('sleep\x0062.5')
            } catch {
              return false
            }
          }).length
      while (sleepers() < 3) await delay(20)
      // The guardian has to be there: it takes as long as a process takes.
      await delay(1_000)
      expect(pid).to.be.above(0)
      child.kill('SIGKILL')
      for (let i = 0; i < 250 && sleepers() > 0; i++) await delay(20)
      expect(sleepers()).to.equal(0)
    } finally {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('a request over a stream', () => {
  let lab: Lab
  beforeEach(async () => {
    const rule = (command: string): object => ({ command, args: ['**'], ask: false })
    lab = await new Lab().open({ options: { allow: ['cat', 'sh', 'sleep', 'head'].map(rule) } })
  })
  afterEach(() => lab.close())

  it('gives stdin to the command, however much, and its end', async () => {
    const input = Buffer.alloc(3_000_000, 'abcdefghij')
    const { stdout, kind } = await lab.exec(['cat'], { stdin: Readable.from([input]) })
    expect(kind).to.equal('code')
    expect(stdout === input.toString()).to.equal(true)
    expect((await lab.exec(['cat'])).stdout).to.equal('')
  })

  it('goes on when the command reads only a part of it', async () => {
    const { stdout, number } = (await lab.exec(['head', '-c', '3'], {
      stdin: Readable.from([Buffer.alloc(2_000_000, 'x')]),
    })) as { stdout: string; number: number }
    expect([stdout, number]).to.deep.equal(['xxx', 0])
  })

  it('gets Ctrl-C through, also while nobody reads its input', async () => {
    let send: (() => void) | undefined
    const running = lab.exec(['sleep', '60'], {
      stdin: Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(65_536)
        })(),
      ),
      onInterrupt: (given) => {
        send = given
        return () => {}
      },
    })
    while (send === undefined) await delay(5)
    await delay(200)
    send()
    expect(await running).to.include({ kind: 'signal', number: 2, cause: 'none' })
  })

  it('ends when more input comes than was credited', async () => {
    const stream = lab.connect()
    const running = lab.exec(['sleep', '60'], { stream, stdin: new Readable({ read() {} }) }).catch(() => {})
    while (lab.runs.length === 0) await delay(5)
    await delay(50)
    // 256 KiB may be under way.
    const frame = encodeFrame({ type: 'stdin', bytes: Buffer.alloc(16_384) })
    for (let i = 0; i < 17 + 16; i++) stream.write(frame)
    expect(await lab.runs[0]!.ended).to.include({ cause: 'link' })
    await running
  })

  it('waits for a slow reader, and loses nothing', async () => {
    let bytes = 0
    const outcome = await lab.exec(['sh', '-c', 'head -c 400000 /dev/zero; echo err >&2; exit 7'], {
      onOutput: async (_name, part) => {
        bytes += part.byteLength
        await delay(5)
      },
    })
    expect(bytes).to.equal(400_004)
    expect(outcome).to.include({ kind: 'code', number: 7, outputBytes: 400_004 })
  })

  it('is written down on both sides, before and after', async () => {
    await lab.exec(['sh', '-c', 'exit 5'])
    const records = lab.audit.last(9)
    expect(records.map(({ event }) => event)).to.deep.equal(['started', 'ended'])
    expect(records[1]).to.deep.include({
      argv: ['sh', '-c', 'exit 5'],
      user: 'alice',
      code: 5,
      cause: 'none',
      side: 'target',
    })
    expect(lab.audit.verify()).to.equal(undefined)
  })
})
