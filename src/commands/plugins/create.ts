import { resolve } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { PluginsCommand } from '../../cli/plugin-packages/command.ts'
import { MsgError } from '../../core/errors.ts'
import { visible } from '../../core/wire/visible.ts'

export default class PluginsCreate extends PluginsCommand {
  static override summary = 'begin a plugin: a package that builds, tests and installs as it is'
  static override description =
    'Writes what both halves say to each other, the half of the server, that of the client, a command, tests and a README; docs/PLUGINS.md teaches the rest.'
  static override examples = ['<%= config.bin %> <%= command.id %> poll']
  static override args = {
    name: Args.string({
      required: true,
      ignoreStdin: true,
      description: "the plugin's id: 2 to 32 small letters, digits and hyphens, a letter first",
    }),
  }
  static override flags = {
    to: Flags.string({ summary: 'folder to write it to [default: msg-plugin-<name>]', helpValue: '<folder>' }),
    install: Flags.boolean({ allowNo: true, default: true, summary: 'fetch TypeScript for it with npm' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsCreate)
    const { createPackage } = await import('../../cli/plugin-template.ts')
    const { linkHost } = await import('../../cli/plugin-packages/host-link.ts')
    const folder = resolve(flags.to ?? `msg-plugin-${args.name}`)
    const created = createPackage(args.name, folder, this.host)
    const hasCompiler = flags.install && (await this.#installCompiler(folder))
    // Its imports of msg-cli are found at once, by the compiler too. npm would take the link away, so it comes last.
    linkHost(folder, this.host)
    this.printOne('created', { ...created, installed: hasCompiler }, ({ good, strong, dim }) => [
      `${good('created')} ${created.name} in ${visible(folder)}`,
      ...created.files.map((file) => dim(`  ${file}`)),
      ...(hasCompiler
        ? [`Next, there: ${strong('npm test')}, then ${strong('msg plugins link .')}`]
        : [`Next, there: ${strong('npm install')}, ${strong('msg plugins link .')}, then ${strong('npm test')}`]),
    ])
  }

  /** Without a network the package is there all the same. @returns false when it could not be fetched. */
  async #installCompiler(folder: string): Promise<boolean> {
    const { npm } = await import('../../cli/plugin-packages/npm.ts')
    this.say('installing TypeScript with npm')
    try {
      await this.interruptibly((signal) => npm(['install'], { cwd: folder, signal, isDevelopment: true }))
      return true
    } catch (error) {
      const { code, message } = MsgError.of(error)
      if (code !== 'MSG_ERR_PLUGIN_FETCH') throw error
      process.stderr.write(`warning: TypeScript was not installed: ${visible(message)}\n`)
      return false
    }
  }
}
