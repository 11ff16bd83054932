import { join } from 'node:path'
import { Console } from '../console/console.ts'
import { TerminalOutput } from '../console/output.ts'
import { serveTerminal } from '../console/terminal.ts'
import { pluginCommands } from '../client-commands/plugin.ts'
import { clientCommands } from '../client-commands/table.ts'
import { isSecretLine } from '../lines/secret.ts'
import { askSecret } from '../prompt/ask.ts'
import { complete } from '../prompt/completion.ts'
import { CommandHistory } from '../prompt/history.ts'
import { LineEditor } from '../prompt/line-editor.ts'
import { NameCache } from '../prompt/name-cache.ts'
import { clientEventLines } from '../render/client-events.ts'
import { promptText } from '../render/client-words.ts'
import { DeliveryWatch } from './delivery-watch.ts'
import { runSession, type SessionRun } from './run-session.ts'
import { ClientSession } from './session.ts'

/** `msg client connect` for a person at a terminal. @returns the exit status. */
export async function runTerminalSession(run: SessionRun): Promise<number> {
  const { palette } = run
  const commands = clientCommands(() => pluginCommands(session))
  const editor: LineEditor = new LineEditor({
    input: process.stdin,
    output: process.stdout,
    history: new CommandHistory({
      path: join(run.options.dataDir, 'history'),
      isSecret: (line) => isSecretLine(commands, line),
    }),
    prompt: () => promptText(session.connection?.user, session.connection?.conversation),
    complete: (line) => complete(commands, names, line),
  })
  const output = new TerminalOutput((lines) => editor.print(lines), palette)
  const deliveries: DeliveryWatch = new DeliveryWatch({
    say: (lines) => output.note(lines),
    isLinked: (user) => session.isLinked(user),
    palette,
  })
  const session: ClientSession = new ClientSession({
    createClient: run.createClient,
    options: run.options,
    onEvent(event) {
      output.event(event, clientEventLines(event, palette))
      deliveries.handleEvent(event)
    },
    onSent: (sent) => deliveries.handleSent(sent),
    ask: {
      confirm: (question) => editor.confirm(question),
      secret: (question) => editor.suspend(() => askSecret(question)),
    },
  })
  const names: NameCache = new NameCache({
    user: async () => (await session.client.users()).map(({ user }) => user),
    room: async () => (await session.client.rooms()).map(({ room }) => room),
    request: async () => session.client.requests,
    command: async () => commands.words(),
  })
  const console = new Console({
    table: commands,
    context: session,
    output,
    palette,
    // Guessing would send a mistyped command to somebody.
    unknownHint: () => (session.connection?.conversation ? 'send <text> (or s <text>) says something here' : undefined),
  })
  return await runSession(session, run, {
    output,
    serve: (until) => serveTerminal(editor, console, until, () => session.withdraw()),
    release: () => editor.close(),
  })
}
