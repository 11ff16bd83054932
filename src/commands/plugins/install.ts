import { Args } from '@oclif/core'
import { InstallingCommand } from '../../cli/plugin-packages/installing.ts'

export default class PluginsInstall extends InstallingCommand {
  static override aliases = ['plugins:add']
  static override summary = 'install a plugin: a package in a file or a folder, or by its name on npm'
  static override description =
    'Shows what the package declares and asks whether you trust it, before anything of it runs; --yes says so in scripts. Scripts of packages do not run, neither its own nor those of what it needs, unless --allow-scripts is given. Installing again replaces what is there, and asks again unless it is the very same package.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./msg-plugin-hello-0.1.0.tgz',
    '<%= config.bin %> <%= command.id %> msg-plugin-hello@1 --yes',
  ]
  static override args = {
    package: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'file that npm pack made, folder, name on npm, or address',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsInstall)
    const { readSource } = await import('../../cli/plugin-packages/source.ts')
    await this.install(readSource(args.package, process.cwd()), flags)
  }
}
