import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { clientOptions, LINK_SETTINGS } from '../../cli/client/options.ts'
import { leaveWhateverRuns } from '../../cli/leave.ts'
import { traced } from '../../cli/client/traced.ts'
import type { SettingKey } from '../../cli/config/settings.ts'
import { settingFlags } from '../../cli/flags.ts'

const SETTINGS = [
  'user',
  'fingerprint',
  'accept',
  'keepOpen',
  'mapPort',
  'linger',
  'plugins',
  'dataDir',
  ...LINK_SETTINGS,
] as const satisfies readonly SettingKey[]

export default class ClientConnect extends BaseCommand {
  static override summary = 'talk to people: an interactive client, or commands from a pipe'
  static override description =
    'On a terminal, type `help`. Otherwise commands are read from stdin, one per line; with --json every answer and event is a JSON line. Without an address, start with the command `connect <address>`.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> chat.example.org',
    "printf 'login alice secret\\nopen bob\\nsend hello\\n' | <%= config.bin %> <%= command.id %> 127.0.0.1:7788 --json",
  ]
  static override args = {
    address: Args.string({
      ignoreStdin: true,
      description: 'host, host:port or [v6]:port; the port is 7788 when not given',
    }),
  }
  static override flags = settingFlags(...SETTINGS)

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClientConnect)
    const settings = this.settings(SETTINGS, flags)
    const core = await import('../../core/index.ts')
    const { createClient } = core
    const { clientHalves } = await import('../../cli/plugins.ts')
    const warn = (message: string): void => void process.stderr.write(`warning: ${message}\n`)
    const plugins = await clientHalves(this.config.getPluginsList(), (id) => settings.plugin(id), warn)
    const { isJson, palette } = this.printing
    const run = {
      createClient,
      options: {
        ...clientOptions(settings),
        keepOpen: settings.isOn('keepOpen'),
        mapPort: settings.isOn('mapPort'),
        plugins,
      },
      address: args.address ?? settings.text('server'),
      user: settings.text('user'),
      lingerMs: (settings.number('linger') ?? 0) * 1000,
      trace: (warn: (message: string) => void) => traced(core, settings.text('traceLinks'), warn),
      palette,
    }
    if (this.canAsk) {
      const { runTerminalSession } = await import('../../cli/client/terminal-session.ts')
      process.exitCode = await runTerminalSession(run)
    } else {
      const { runLineSession } = await import('../../cli/client/line-session.ts')
      process.exitCode = await runLineSession(run, isJson)
    }
    leaveWhateverRuns()
  }
}
