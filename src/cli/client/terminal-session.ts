import { join } from 'node:path'
import { Console } from '../console/console.ts'
import { TerminalOutput } from '../console/output.ts'
import { serveTerminal } from '../console/terminal.ts'
import { PRIORITIES } from '../client-commands/file.ts'
import { pluginCommands } from '../client-commands/plugin.ts'
import { CLIENT_COMMANDS, clientCommands } from '../client-commands/table.ts'
import { isSecretLine } from '../lines/secret.ts'
import { askSecret } from '../prompt/ask.ts'
import { complete } from '../prompt/completion.ts'
import { CommandHistory } from '../prompt/history.ts'
import { LineEditor } from '../prompt/line-editor.ts'
import { pathNames } from '../prompt/path-names.ts'
import { NameCache } from '../prompt/name-cache.ts'
import { clientEventLines } from '../render/client-events.ts'
import { promptText } from '../render/client-words.ts'
import { isUnicodeTerminal, progressLines } from '../render/progress.ts'
import { relayedUsers } from '../render/paths.ts'
import { shortId } from '../render/transfers.ts'
import { Checkpoints } from './checkpoint.ts'
import { DeliveryWatch } from './delivery-watch.ts'
import { runSession, type SessionRun } from './run-session.ts'
import { ClientSession } from './session.ts'
import { TransferProgress } from './transfer-progress.ts'

/** `msg client connect` for a person at a terminal. @returns the exit status. */
export async function runTerminalSession(run: SessionRun): Promise<number> {
  const { palette } = run
  const commands = clientCommands(() => pluginCommands(session))
  /** Users some of whose links go through the server, as last told. */
  let relayed: ReadonlySet<string> = new Set()
  const editor: LineEditor = new LineEditor({
    input: process.stdin,
    output: process.stdout,
    history: new CommandHistory({
      path: join(run.options.dataDir, 'history'),
      isSecret: (line) => isSecretLine(commands, line),
    }),
    prompt: () => promptText(session.connection?.user, session.connection?.conversation, relayed),
    complete: (line) => complete(commands, names, line),
    onKey: () => session.connection?.noteInput(),
  })
  const output = new TerminalOutput((lines) => editor.print(lines), palette)
  const deliveries: DeliveryWatch = new DeliveryWatch({
    say: (lines) => output.note(lines),
    isLinked: (user) => session.isLinked(user),
    palette,
  })
  const isUnicode = isUnicodeTerminal(process.env, process.platform)
  const progress = new TransferProgress({
    transfers: () => session.connection?.transfers() ?? [],
    draw: (moving) => editor.setStatus(progressLines(moving, { columns: process.stdout.columns, isUnicode, palette })),
  })
  const checkpoints = new Checkpoints({
    client: () => session.connection,
    confirm: (question, options) => editor.confirm(question, { ...options, isYes: true }),
  })
  const session: ClientSession = new ClientSession({
    createClient: run.createClient,
    options: run.options,
    commandNames: () => CLIENT_COMMANDS.commands.map(({ name }) => name),
    onEvent(event) {
      if (event.type === 'path') relayed = relayedUsers(session.connection?.peers() ?? [])
      // A checkpoint is a question here.
      if (event.type !== 'transfer.checkpoint') output.event(event, clientEventLines(event, palette))
      void checkpoints.handleEvent(event)
      deliveries.handleEvent(event)
      progress.handleEvent(event)
      if (event.type === 'path') editor.refresh()
    },
    onSent: (sent) => deliveries.handleSent(sent),
    ask: {
      confirm: (question, options) => editor.confirm(question, options),
      secret: (question) => editor.suspend(() => askSecret(question)),
    },
  })
  const names: NameCache = new NameCache({
    user: async () => (await session.client.users()).map(({ user }) => user),
    room: async () => (await session.client.rooms()).map(({ room }) => room),
    request: async () => session.client.requests,
    command: async () => commands.words(),
    transfer: async () => session.client.transfers().map(({ id }) => shortId(id)),
    priority: async () => PRIORITIES,
    path: (word) => pathNames(word),
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
    release() {
      progress.close()
      editor.close()
    },
  })
}
