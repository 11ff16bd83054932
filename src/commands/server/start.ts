import { BaseCommand } from '../../cli/base-command.ts'
import type { SettingKey } from '../../cli/config/settings.ts'
import { settingFlags } from '../../cli/flags.ts'

const SETTINGS = [
  'host',
  'port',
  'udpPort',
  'serverDir',
  'name',
  'cert',
  'key',
] as const satisfies readonly SettingKey[]

export default class ServerStart extends BaseCommand {
  static override summary = 'run a server in the foreground'
  static override description =
    'With a terminal it has a console (help says what can be typed). Without one it runs quietly: events go to stderr, or with --json to stdout, and commands may be piped in.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --port 0 --data-dir ./server-data --json',
  ]
  static override flags = settingFlags(...SETTINGS)

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerStart)
    const settings = this.settings(SETTINGS, flags)
    const { createServer } = await import('../../core/index.ts')
    const { runServer } = await import('../../cli/server-console/run-server.ts')
    const optional = { host: settings.text('host'), udpPort: settings.number('udpPort'), name: settings.text('name') }
    const files = { cert: settings.text('cert'), key: settings.text('key') }
    const server = await createServer({
      dataDir: settings.required('serverDir'),
      ...defined({ ...optional, ...files, port: settings.number('port') }),
    })
    const { isJson, palette } = this.printing
    process.exitCode = await runServer({ server, palette, mode: isJson ? 'json' : this.canAsk ? 'terminal' : 'text' })
  }
}

/** Without the keys whose value is `undefined`. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never
}
