import { Args } from '@oclif/core'
import { MsgError } from '../../core/errors.ts'
import { InstallingCommand } from '../../cli/plugin-packages/installing.ts'

export default class PluginsUpdate extends InstallingCommand {
  static override summary = 'install plugins again from where they came from'
  static override description =
    'All installed ones, or the one that is named. What is not the very same package is shown and asked about like a new one. Plugins that came from a file or folder are taken from there again.'
  static override args = {
    plugin: Args.string({ ignoreStdin: true, description: 'name of the package, or id of the plugin' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsUpdate)
    const { readSource } = await import('../../cli/plugin-packages/source.ts')
    const meant = args.plugin === undefined ? this.packages() : [this.find(args.plugin)]
    const sources = meant.flatMap(({ listed }) => (listed?.type === 'user' ? (listed.source ?? listed.name) : []))
    if (args.plugin !== undefined && sources.length === 0)
      throw new MsgError('MSG_ERR_USAGE', { detail: `${args.plugin} was not installed from a package` })
    for (const source of sources) await this.install(readSource(source, process.cwd()), flags)
    if (sources.length === 0) this.printItems('installed', [], () => ['No plugins are installed.'])
  }
}
