import { Args } from '@oclif/core'
import { PluginsCommand } from '../../cli/plugin-packages/command.ts'
import { inspectedJson, inspectedLines } from '../../cli/plugin-packages/inspected.ts'

export default class PluginsInspect extends PluginsCommand {
  static override summary = 'show what a plugin declares, what it registers and how long it takes to load'
  static override description =
    'Imports the plugin in a process of its own and shows what its setup registers, with the options of the configuration and without a server or a client. msg server status tells how it fares in a running server.'
  static override args = {
    plugin: Args.string({ required: true, ignoreStdin: true, description: 'name of the package, or id of the plugin' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsInspect)
    const found = this.find(args.plugin)
    const { inspectPackage } = await import('../../cli/plugin-packages/inspected.ts')
    const id = found.listed?.id ?? found.declared?.id
    const options = (id !== undefined && this.settings([], flags).plugin(id)) || undefined
    const inspected = await this.interruptibly(async (signal) => await inspectPackage(found, options, signal))
    this.printOne('inspected', inspectedJson(inspected), (palette) => inspectedLines(inspected, palette))
    if (inspected.fault !== undefined) process.exitCode = 10
  }
}
