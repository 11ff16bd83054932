import { pluginCommands } from '../client-commands/plugin.ts'
import { CLIENT_COMMANDS, clientCommands } from '../client-commands/table.ts'
import { Console } from '../console/console.ts'
import { JsonOutput, TextOutput } from '../console/output.ts'
import { readLines } from '../lines/read-lines.ts'
import { clientEventLines } from '../render/client-events.ts'
import { DeliveryWatch } from './delivery-watch.ts'
import { runSession, type SessionRun } from './run-session.ts'
import { ClientSession } from './session.ts'

/** `msg client connect` for scripts: commands one per line on stdin, answers and events as text or JSON. @returns the exit status. */
export async function runLineSession(run: SessionRun, isJson: boolean): Promise<number> {
  const { palette } = run
  const commands = clientCommands(() => pluginCommands(session))
  const output = isJson ? new JsonOutput(process.stdout) : new TextOutput(process.stdout, process.stderr, palette)
  const deliveries = isJson
    ? undefined
    : new DeliveryWatch({
        say: (lines) => output.note(lines),
        isLinked: (user) => session.isLinked(user),
        palette,
      })
  const session: ClientSession = new ClientSession({
    createClient: run.createClient,
    options: run.options,
    commandNames: () => CLIENT_COMMANDS.commands.map(({ name }) => name),
    onEvent(event) {
      output.event(event, isJson ? [] : clientEventLines(event, palette))
      deliveries?.handleEvent(event)
    },
    onSent: (sent) => deliveries?.handleSent(sent),
  })
  const console = new Console({ table: commands, context: session, output, palette })
  return await runSession(session, run, {
    output,
    serve: (until) => console.serve(readLines(process.stdin), until),
    release: () => process.stdin.destroy(),
  })
}
