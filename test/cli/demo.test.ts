import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { runMsg, startMsg } from '../helpers/run-msg.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('msg demo', () => {
  const directory = useTempDir()
  const env = (): Record<string, string> => {
    mkdirSync(join(directory(), 'tmp'), { recursive: true })
    return { TMPDIR: join(directory(), 'tmp') }
  }
  const leftBehind = (): string[] => readdirSync(join(directory(), 'tmp')).filter((name) => name.startsWith('msg-'))

  it('shows every step on stderr and the way to do it by hand on stdout', async () => {
    const { status, stdout, stderr } = await runMsg(['demo'], { directory: directory(), env: env() })
    expect(status, stderr).to.equal(0)
    expect(stderr).to.match(/path (lan|direct|relayed), RTT .* ms, message p50 .* ms, p99 .* ms/u)
    expect(stderr).to.contain('delivered to 2 of 2')
    expect(stdout).to.contain('client connect 127.0.0.1')
    expect(leftBehind()).to.deep.equal([])
  })

  it('prints its figures as JSON', async () => {
    const { status, stdout } = await runMsg(['demo', '--json'], { directory: directory(), env: env() })
    expect(status).to.equal(0)
    const figures = JSON.parse(stdout) as Record<string, unknown> & { latency: Record<string, number> }
    expect(figures).to.include({ type: 'demo', roomDeliveries: 2 })
    expect(figures.latency['messages']).to.equal(100)
    expect(figures.latency['p50Ms']).to.be.greaterThan(0)
    expect(figures['rttMs']).to.be.greaterThan(0)
  })

  it('is not confused by the settings of the user', async () => {
    const settings = {
      ...env(),
      MSG_ACCEPT: 'everyone',
      MSG_SERVER: 'nowhere',
      MSG_PORT: '1',
      MSG_USER: 'x',
      MSG_LINGER: '0',
    }
    const { status, stderr } = await runMsg(['demo', '--json'], { directory: directory(), env: settings })
    expect(status, stderr).to.equal(0)
  })

  it('cleans up when it is interrupted', async () => {
    const child = startMsg(['demo'], { directory: directory(), env: env() })
    child.stdout?.resume()
    // The first step is done: a server runs.
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('TCP ')) resolve()
      })
    })
    child.kill('SIGINT')
    expect(await once(child, 'exit')).to.deep.equal([130, null])
    expect(leftBehind()).to.deep.equal([])
  })
})
