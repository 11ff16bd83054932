import type { Server, ServerAdmin } from '../../core/index.ts'
import { Console } from '../console/console.ts'
import { JsonOutput, TerminalOutput, TextOutput, type ConsoleOutput } from '../console/output.ts'
import { serveTerminal } from '../console/terminal.ts'
import { readLines } from '../lines/read-lines.ts'
import { complete } from '../prompt/completion.ts'
import { CommandHistory } from '../prompt/history.ts'
import { LineEditor } from '../prompt/line-editor.ts'
import { NameCache } from '../prompt/name-cache.ts'
import type { Palette } from '../render/palette.ts'
import { serverEventLine } from '../render/server-events.ts'
import { clockTime } from '../render/time.ts'
import { onLeaveSignal } from '../signals.ts'
import type { CommandTable } from '../lines/table.ts'
import { pluginLineCommand } from '../lines/plugin-command.ts'
import { serverCommands } from './table.ts'

/** How `msg server start` shows itself. */
export interface ServerRun {
  readonly server: Server
  readonly mode: 'terminal' | 'text' | 'json'
  readonly palette: Palette
}

/** Shows what a running server does and answers its console until it stops. @returns the exit status: 0, or the signal's. */
export async function runServer(run: ServerRun): Promise<number> {
  const { server } = run
  let status = 0
  const ignoreSignals = onLeaveSignal((signalStatus) => {
    status = signalStatus
    void server.close()
  })
  const over = new AbortController()
  const stopped = server.stopped.then(() => over.abort())
  try {
    const front = run.mode === 'terminal' ? terminalFront(run) : lineFront(run)
    const telling = tellEvents(run, front.output)
    announce(run, front.output)
    await front.serve(over.signal)
    await stopped
    await telling
    front.release()
    return status
  } finally {
    await server.close()
    ignoreSignals()
  }
}

interface ServerFront {
  readonly output: ConsoleOutput
  serve(until: AbortSignal): Promise<void>
  release(): void
}

/** Leaving the console with Ctrl-D stops the server, as `stop` does: nobody would look after it. */
function terminalFront({ server, palette }: ServerRun): ServerFront {
  const table = commandsOf(server)
  const names = new NameCache({
    user: async () => (await server.users()).map(({ user }) => user),
    room: async () => (await server.rooms()).map(({ room }) => room),
    command: async () => table.words(),
  })
  const editor = new LineEditor({
    input: process.stdin,
    output: process.stdout,
    history: new CommandHistory({ path: undefined, isSecret: () => false }),
    prompt: () => 'msg server> ',
    complete: (line) => complete(table, names, line),
  })
  const output = new TerminalOutput((lines) => editor.print(lines), palette)
  const console = new Console<ServerAdmin>({ table, context: server, output, palette })
  return {
    output,
    async serve(until) {
      await serveTerminal(editor, console, until)
      await server.close()
    },
    release: () => editor.close(),
  }
}

/** Piped commands are answered too, but their end does not stop the server: it may run without any input. */
function lineFront({ server, mode, palette }: ServerRun): ServerFront {
  const output =
    mode === 'json' ? new JsonOutput(process.stdout) : new TextOutput(process.stdout, process.stderr, palette)
  const console = new Console<ServerAdmin>({ table: commandsOf(server), context: server, output, palette })
  return {
    output,
    serve: (until) => console.serve(readLines(process.stdin), until),
    release: () => process.stdin.destroy(),
  }
}

/** The console's own commands and those of plugins. */
function commandsOf(server: Server): CommandTable<ServerAdmin> {
  const stopped = new AbortController()
  void server.stopped.then(() => stopped.abort())
  const surroundings = { signal: stopped.signal, confirm: undefined }
  return serverCommands(() => server.commands.map((command) => pluginLineCommand(command, () => surroundings)))
}

/** The first line of JSON; for people where the server listens and what to type. */
function announce({ server, mode, palette }: ServerRun, output: ConsoleOutput): void {
  const { host, port, udpPort, probePort, fingerprint, metrics } = server.address
  const lines = [
    `Listening on ${host}, TCP ${port}, UDP ${udpPort} and ${probePort}.`,
    `Fingerprint ${palette.strong(fingerprint)}`,
    ...(metrics === undefined ? [] : [`Metrics at http://${metrics}/metrics`]),
    ...(mode === 'terminal' ? [palette.dim('help says what can be typed here; stop ends the server.')] : []),
  ]
  output.event(
    {
      type: 'listening',
      ...{ host, port, udpPort, probePort, fingerprint, ...(metrics === undefined ? {} : { metrics }) },
    },
    lines,
  )
}

/** Without a terminal events are the log, on stderr; JSON has them on stdout. */
async function tellEvents({ server, mode, palette }: ServerRun, output: ConsoleOutput): Promise<void> {
  for await (const event of server.events()) {
    const line = serverEventLine(event, palette)
    if (mode === 'text') process.stderr.write(`${new Date().toISOString()} ${line}\n`)
    else output.event(event, [`${palette.dim(clockTime(new Date().toISOString()))} ${line}`])
  }
}
