import { resolve } from 'node:path'
import { Args } from '@oclif/core'
import { PluginsCommand } from '../../cli/plugin-packages/command.ts'
import { extendsText } from '../../cli/plugin-packages/describe.ts'

export default class PluginsLink extends PluginsCommand {
  static override summary = 'use a plugin from the folder you develop it in'
  static override description =
    'What is built there is what runs, from the next start of msg on. The folder gets a link node_modules/msg-cli to this msg when it does not find one. The same checks are made as for packages, and no question is asked: the folder is yours. A linked plugin takes the place of an installed one of the same name.'
  static override examples = ['<%= config.bin %> <%= command.id %> plugins/hello']
  static override args = {
    folder: Args.string({ default: '.', ignoreStdin: true, description: "the package's folder" }),
  }

  async run(): Promise<void> {
    const { args } = await this.parse(PluginsLink)
    const { linkPackage } = await import('../../cli/plugin-packages/link.ts')
    const { declared, id, root, copy } = await this.interruptibly(
      async (signal) => await linkPackage(resolve(args.folder), this.checking(signal)),
    )
    const { name, version } = declared
    if (copy !== undefined) process.stderr.write(`warning: ${name} imports from another msg, ${copy}\n`)
    this.printOne('linked', { name, version, id: id ?? null, root, copy: copy ?? null }, ({ good }) => [
      `${good('linked')} ${name} ${version}: ${extendsText(declared)}`,
    ])
    await this.refresh('plugins:postinstall')
  }
}
