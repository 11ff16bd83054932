import { expect } from 'chai'
import { Console } from '../../../../src/cli/console/console.ts'
import { JsonOutput, TerminalOutput, TextOutput, type ConsoleOutput } from '../../../../src/cli/console/output.ts'
import { failureOf } from '../../../../src/cli/failure.ts'
import { lineCommand } from '../../../../src/cli/lines/command.ts'
import { CommandTable } from '../../../../src/cli/lines/table.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import { MsgError } from '../../../../src/core/errors.ts'
import { Capture } from '../../../helpers/capture.ts'

const plain = palette(false)

interface Context {
  readonly ran: string[]
  readonly gate?: Promise<void>
}

const table = new CommandTable<Context>([
  lineCommand({
    name: 'say',
    summary: '',
    arguments: [{ name: 'text', rest: true }],
    async run(context: Context, values) {
      await context.gate
      context.ran.push(values.text('text'))
      return { text: values.text('text') }
    },
    text: ({ text }) => [`said ${text}`],
  }),
  lineCommand({
    name: 'fail',
    summary: '',
    async run() {
      throw new MsgError('MSG_ERR_USER_UNKNOWN', { detail: 'bob' })
    },
    text: () => [],
  }),
])

function consoleFor(context: Context, output: ConsoleOutput): Console<Context> {
  return new Console({ table, context, output, palette: plain })
}

async function* linesOf(...lines: Array<string | MsgError>): AsyncGenerator<string | MsgError> {
  yield* lines
}

describe('Console', () => {
  it('answers every command in order, failures included', async () => {
    const out = new Capture()
    const context = { ran: [] }
    const console = consoleFor(context, new JsonOutput(out))
    await console.serve(linesOf('say a', 'fail', '', 'oops', 'say b'), new AbortController().signal)
    expect(out.objects).to.deep.equal([
      { type: 'result', command: 'say', ok: true, text: 'a' },
      {
        type: 'result',
        command: 'fail',
        ok: false,
        code: 'MSG_ERR_USER_UNKNOWN',
        message: 'there is no user bob',
        hint: 'users lists everybody on this server',
      },
      {
        type: 'result',
        command: 'oops',
        ok: false,
        code: 'MSG_ERR_USAGE',
        message: 'unknown command "oops"',
        hint: 'see help',
      },
      { type: 'result', command: 'say', ok: true, text: 'b' },
    ])
  })

  it('starts a command only when the one before has been answered', async () => {
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    const context = { ran: [] as string[], gate }
    const out = new Capture()
    const served = consoleFor(context, new JsonOutput(out)).serve(
      linesOf('say 1', 'fail'),
      new AbortController().signal,
    )
    await new Promise((resolve) => setImmediate(resolve))
    expect(out.text).to.equal('')
    open()
    await served
    expect(out.objects.map(({ command }) => command)).to.deep.equal(['say', 'fail'])
  })

  it('answers lines that could not be read', async () => {
    const out = new Capture()
    const console = consoleFor({ ran: [] }, new JsonOutput(out))
    await console.answer(new MsgError('MSG_ERR_MESSAGE_TOO_LONG', { detail: 'x' }))
    expect(out.objects[0]).to.include({ command: '', ok: false, code: 'MSG_ERR_MESSAGE_TOO_LONG' })
  })

  it('can say more about unknown commands than to see help', async () => {
    const out = new Capture()
    const output = new JsonOutput(out)
    const deps = { table, context: { ran: [] }, output, palette: plain }
    await new Console({ ...deps, unknownHint: () => 'send <text>' }).answer('hello there')
    await new Console({ ...deps, unknownHint: () => undefined }).answer('hello there')
    await new Console({ ...deps, unknownHint: () => 'send <text>' }).answer('fail')
    expect(out.objects.map(({ hint }) => hint)).to.deep.equal([
      'send <text>',
      'see help',
      'users lists everybody on this server',
    ])
  })

  it('stops waiting for lines when it is aborted', async () => {
    const stop = new AbortController()
    const never = { next: () => new Promise<never>(() => {}) }
    const served = consoleFor({ ran: [] }, new JsonOutput(new Capture())).serve(never, stop.signal)
    stop.abort()
    await served
  })

  it('stops waiting for a command when it is aborted', async () => {
    const stop = new AbortController()
    const context = { ran: [], gate: new Promise<void>(() => {}) }
    const served = consoleFor(context, new JsonOutput(new Capture())).serve(linesOf('say a', 'say b'), stop.signal)
    await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    await served
    expect(context.ran).to.deep.equal([])
  })

  it('serves nothing when it was aborted before', async () => {
    const context = { ran: [] }
    await consoleFor(context, new JsonOutput(new Capture())).serve(linesOf('say a'), AbortSignal.abort())
    expect(context.ran).to.deep.equal([])
  })
})

describe('JsonOutput', () => {
  it('prints events as they are, without members that are undefined, and no notes', () => {
    const out = new Capture()
    const output = new JsonOutput(out)
    output.event({ type: 'path', reason: undefined } as { type: string })
    output.note()
    expect(out.text).to.equal('{"type":"path"}\n')
  })

  it('keeps every object on one line, whatever its text holds', () => {
    const out = new Capture()
    new JsonOutput(out).event({ type: 'message', text: 'a\nb\u2028c' } as { type: string })
    expect(out.lines).to.have.length(1)
  })
})

describe('TextOutput', () => {
  it('prints answers, events and notes on one stream, and failures on the other', () => {
    const out = new Capture()
    const errors = new Capture()
    const output = new TextOutput(out, errors, plain)
    output.result('say', {}, ['said a'])
    output.event({ type: 'x' }, ['happened'])
    output.event({ type: 'y' }, [])
    output.note(['by the way'])
    output.failure('say', failureOf(new MsgError('MSG_ERR_SELF')))
    expect(out.lines).to.deep.equal(['said a', 'happened', 'by the way'])
    expect(errors.lines).to.deep.equal(['! you cannot open a session with yourself'])
  })
})

describe('TerminalOutput', () => {
  it('prints everything above the line being typed, and nothing for nothing', () => {
    const printed: Array<readonly string[]> = []
    const output = new TerminalOutput((lines) => printed.push(lines), plain)
    output.result('say', {}, [])
    output.event({ type: 'x' }, ['happened'])
    output.failure('say', failureOf(new MsgError('MSG_ERR_NO_CONVERSATION')))
    expect(printed).to.deep.equal([['happened'], ['! no conversation is open', '  open <user> or enter <room> first']])
  })
})
