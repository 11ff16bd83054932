import { setFlagsFromString } from 'node:v8'
import { BaseCommand } from '../../cli/base-command.ts'
import type { SettingKey } from '../../cli/config/settings.ts'
import { leaveWhateverRuns } from '../../cli/leave.ts'
import { MsgError } from '../../core/errors.ts'
import { settingFlags } from '../../cli/flags.ts'

const SETTINGS = [
  'host',
  'port',
  'udpPort',
  'probePort',
  'relay',
  'relayChannelRate',
  'relayUserRate',
  'relayServerRate',
  'relayQuota',
  'metrics',
  'serverDir',
  'name',
  'cert',
  'key',
  'files',
  'plugins',
] as const satisfies readonly SettingKey[]

export default class ServerStart extends BaseCommand {
  static override summary = 'run a server in the foreground'
  static override description =
    'With a terminal it has a console (help says what can be typed). Without one it runs quietly: events go to stderr, or with --json to stdout, and commands may be piped in.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --files /srv/shelf',
    '<%= config.bin %> <%= command.id %> --port 0 --data-dir ./server-data --json',
  ]
  static override flags = settingFlags(...SETTINGS)

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerStart)
    const settings = this.settings(SETTINGS, flags)
    keepYoungHeapSmall()
    const { createServer } = await import('../../core/index.ts')
    const { runServer } = await import('../../cli/server-console/run-server.ts')
    const { SERVER_COMMANDS } = await import('../../cli/server-console/table.ts')
    const { serverHalves } = await import('../../cli/plugins.ts')
    const shelf = settings.text('files')
    const warn = (message: string): void => void process.stderr.write(`warning: ${message}\n`)
    const optionsOf = (id: string): unknown => {
      const options = settings.plugin(id)
      return id === SHELF && shelf !== undefined && options !== false ? { ...options, files: shelf } : options
    }
    const plugins = await serverHalves(this.config.getPluginsList(), optionsOf, warn)
    if (shelf !== undefined && !plugins.some(({ plugin }) => plugin.protocol.id === SHELF))
      throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: `--files needs the plugin ${SHELF}` })
    const ports = { udpPort: settings.number('udpPort'), probePort: settings.number('probePort') }
    const reached = { relay: settings.isOn('relay'), metrics: settings.text('metrics') }
    const optional = { host: settings.text('host'), ...ports, ...reached, name: settings.text('name') }
    const limits = defined({
      relayChannelRate: settings.number('relayChannelRate'),
      relayUserRate: settings.number('relayUserRate'),
      relayServerRate: settings.number('relayServerRate'),
      relayQuota: settings.number('relayQuota'),
    })
    const files = { cert: settings.text('cert'), key: settings.text('key') }
    const server = await createServer({
      dataDir: settings.required('serverDir'),
      plugins,
      limits,
      consoleCommands: SERVER_COMMANDS.commands.map(({ name }) => name),
      ...defined({ ...optional, ...files, port: settings.number('port') }),
    })
    const { isJson, palette } = this.printing
    process.exitCode = await runServer({ server, palette, mode: isJson ? 'json' : this.canAsk ? 'terminal' : 'text' })
    leaveWhateverRuns()
  }
}

/** A server's garbage is small and short-lived; room for more only stays resident, some 6 kB for each of 2,000 idle clients. */
function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

/** The plugin that `--files` turns on. */
const SHELF = 'file-download'

/** Without the keys whose value is `undefined`. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never
}
