import { Args } from '@oclif/core'
import { PluginsCommand } from '../../cli/plugin-packages/command.ts'
import { inspectedJson, inspectedLines } from '../../cli/plugin-packages/inspected.ts'

export default class PluginsInspect extends PluginsCommand {
  static override summary = 'show what a plugin declares, what it registers and how long it takes to load'
  static override description =
    'Imports the plugin in a process of its own. What it registers is what its setup asks for without a server or a client: a plugin that needs its options may show less than it does.'
  static override args = {
    plugin: Args.string({ required: true, ignoreStdin: true, description: 'name of the package, or id of the plugin' }),
  }

  async run(): Promise<void> {
    const { args } = await this.parse(PluginsInspect)
    const found = this.find(args.plugin)
    const { inspectPackage } = await import('../../cli/plugin-packages/inspected.ts')
    const inspected = await this.interruptibly(async (signal) => await inspectPackage(found, signal))
    this.printOne('inspected', inspectedJson(inspected), (palette) => inspectedLines(inspected, palette))
    if (inspected.fault !== undefined) process.exitCode = 10
  }
}
