import { expect } from 'chai'
import { Console } from '../../../../src/cli/console/console.ts'
import { TerminalOutput } from '../../../../src/cli/console/output.ts'
import { serveTerminal } from '../../../../src/cli/console/terminal.ts'
import { lineCommand } from '../../../../src/cli/lines/command.ts'
import { CommandTable } from '../../../../src/cli/lines/table.ts'
import type { LineEditor, LineListener } from '../../../../src/cli/prompt/line-editor.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import { Deferred } from '../../../helpers/deferred.ts'
import { turns } from '../../../helpers/lone-courier.ts'

/** Commands that end when the test says so. */
const rig = () => {
  const lines: string[] = []
  const started: string[] = []
  const gates = new Map<string, Deferred<void>>()
  const command = (name: string, background: boolean) =>
    lineCommand({
      name,
      summary: '',
      background,
      arguments: [{ name: 'word', optional: true }],
      begin: (values) => [`${name} ${values.text('word')} begins`],
      async run(_context: object, values) {
        const key = `${name} ${values.text('word')}`
        started.push(key)
        const gate = new Deferred<void>()
        gates.set(key, gate)
        await gate.promise
        return { key }
      },
      text: ({ key }) => [`${key} done`],
    })
  const plain = palette(false)
  const console = new Console({
    table: new CommandTable([command('wait', true), command('work', false)]),
    context: {},
    output: new TerminalOutput((more) => lines.push(...more), plain),
    palette: plain,
  })
  let listener!: LineListener
  let refreshes = 0
  const editor = {
    start: (given: LineListener) => (listener = given),
    refresh: () => refreshes++,
  } as unknown as LineEditor
  const until = new AbortController()
  return {
    lines,
    started,
    until,
    finish: (key: string) => gates.get(key)?.resolve(),
    type: (line: string) => listener.onLine(line),
    press: (key: 'onInterrupt' | 'onEnd') => listener[key](),
    refreshes: () => refreshes,
    serve: (isTaken?: () => boolean) => serveTerminal(editor, console, until.signal, isTaken),
  }
}

describe('a terminal that is served', () => {
  it('runs commands one after the other, and those that wait for people beside them', async () => {
    const { serve, type, started, finish, until, lines, refreshes } = rig()
    const served = serve()
    for (const line of ['work 1', 'wait 1', 'wait 2', 'work 2']) type(line)
    await turns()
    expect(started.sort()).to.deep.equal(['wait 1', 'wait 2', 'work 1'])
    finish('wait 2')
    finish('work 1')
    await turns()
    expect(started).to.include('work 2')
    expect(lines.filter((line) => line.endsWith('done'))).to.have.members(['wait 2 done', 'work 1 done'])
    expect(refreshes()).to.equal(2)
    until.abort()
    await served
  })

  it('says at once that a command begins', async () => {
    const { serve, type, lines, until } = rig()
    const served = serve()
    type('wait bob')
    expect(lines).to.deep.equal(['wait bob begins'])
    until.abort()
    await served
  })

  it('starts nothing any more once it is to end', async () => {
    const { serve, type, started, finish, until } = rig()
    const served = serve()
    type('work 1')
    type('work 2')
    await turns()
    until.abort()
    await served
    finish('work 1')
    await turns()
    expect(started).to.deep.equal(['work 1'])
  })

  it('ends at the end of input, and at once when it is over already', async () => {
    const { serve, press } = rig()
    const served = serve()
    press('onEnd')
    await served
    const late = rig()
    late.until.abort()
    await late.serve()
  })

  it('leaves with Ctrl-C as with a signal, unless that stopped something', async () => {
    const { serve, press, until } = rig()
    let signals = 0
    const onSignal = (): void => void signals++
    const others = process.listeners('SIGINT')
    process.removeAllListeners('SIGINT')
    process.on('SIGINT', onSignal)
    try {
      let isTaken = true
      const served = serve(() => isTaken)
      press('onInterrupt')
      isTaken = false
      const signalled = new Promise((resolve) => process.once('SIGINT', resolve))
      press('onInterrupt')
      await signalled
      expect(signals).to.equal(1)
      until.abort()
      await served
    } finally {
      process.off('SIGINT', onSignal)
      for (const listener of others) process.on('SIGINT', listener as () => void)
    }
  })
})
