import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { JsonChild } from '../../../../src/cli/demo/json-child.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('JsonChild', () => {
  const directory = useTempDir()
  const children: JsonChild[] = []

  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.stop(0)))
  })

  /** Starts a program of a few lines in place of msg. */
  function start(program: string): JsonChild {
    const bin = join(directory(), 'program.mjs')
    writeFileSync(bin, program)
    const child = new JsonChild({ name: 'child', bin, args: ['a'], cwd: directory(), env: process.env })
    children.push(child)
    return child
  }

  const echo = `
    import { createInterface } from 'node:readline'
    console.log(JSON.stringify({ type: 'args', args: process.argv.slice(2) }))
    for await (const line of createInterface({ input: process.stdin })) {
      console.log(JSON.stringify({ type: 'heard', line }))
      console.log(JSON.stringify({ type: 'result', command: line, ok: line !== 'bad', message: 'as told' }))
    }
    process.exitCode = 3
  `
  const messageOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'worked',
      (error: unknown) => (error as Error).message,
    )

  it('asks for JSON', async () => {
    expect((await start(echo).line('args'))['args']).to.deep.equal(['a', '--json'])
  })

  it('pairs answers with commands in their order', async () => {
    const child = start(echo)
    const answers = await Promise.all(['one', 'two', 'three'].map((line) => child.ask(line)))
    expect(answers.map(({ command }) => command)).to.deep.equal(['one', 'two', 'three'])
  })

  it('finds lines printed earlier and later', async () => {
    const child = start(echo)
    const later = child.line('heard', (line) => line['line'] === 'two')
    await child.ask('one')
    await child.ask('two')
    expect(await later).to.include({ line: 'two' })
    expect(await child.line('heard')).to.include({ line: 'one' })
    expect(child.lines).to.have.length(5)
  })

  it('rejects when a command fails', async () => {
    expect(await messageOf(start(echo).ask('bad'))).to.equal('unexpected failure: child: bad: as told')
  })

  it('ends with the status of the child', async () => {
    expect(await start(echo).end()).to.equal(3)
  })

  it('says what a child that died complained about', async () => {
    const child = start('console.error("no luck"); process.exit(1)')
    expect(await messageOf(child.line('never')))
      .to.contain('child ended without never')
      .and.to.contain('no luck')
  })

  it('rejects with the error a child printed', async () => {
    const child = start(
      'console.log(JSON.stringify({ type: "error", message: "port taken" })); setInterval(() => {}, 1000)',
    )
    expect(await messageOf(child.line('listening'))).to.equal('unexpected failure: child: port taken')
  })

  it('stops a child that will not leave', async () => {
    const child = start('process.on("SIGTERM", () => {}); console.log(`{"type":"up"}`); setInterval(() => {}, 1000)')
    await child.line('up')
    await child.stop(50)
    await child.stop()
  })
})
