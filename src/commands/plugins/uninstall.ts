import { Args, Flags } from '@oclif/core'
import { MsgError } from '../../core/errors.ts'
import { bytesText } from '../../cli/bytes.ts'
import { PluginsCommand } from '../../cli/plugin-packages/command.ts'

export default class PluginsUninstall extends PluginsCommand {
  static override aliases = ['plugins:remove', 'plugins:unlink']
  static override summary = 'remove a plugin, and what it kept'
  static override description =
    'Takes the name of the package or the id of the plugin. Removes the package, what it needed, and the data it kept in the data directories of client and server: on a terminal that is asked about first, --yes and --keep-data answer.'
  static override examples = ['<%= config.bin %> <%= command.id %> hello --keep-data']
  static override args = {
    plugin: Args.string({ required: true, ignoreStdin: true, description: 'name of the package, or id of the plugin' }),
  }
  static override flags = {
    yes: Flags.boolean({ char: 'y', summary: 'delete its data without being asked', exclusive: ['keep-data'] }),
    'keep-data': Flags.boolean({ summary: 'keep the data it kept' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsUninstall)
    const found = this.find(args.plugin)
    const { listed, name, version, declared } = found
    const id = listed?.id ?? declared?.id
    if (!listed) {
      const detail = `${name} belongs to this checkout of msg; "plugins": {"${id ?? args.plugin}": false} in the configuration leaves it out`
      throw new MsgError('MSG_ERR_USAGE', { detail })
    }
    const { dataFiles, removeFiles } = await import('../../cli/plugin-packages/data.ts')
    const { removePackage } = await import('../../cli/plugin-packages/install.ts')
    const settings = this.settings([], flags)
    const kept = id === undefined ? [] : dataFiles(id, settings.required('dataDir'), settings.required('serverDir'))
    const bytes = kept.reduce((sum, file) => sum + file.bytes, 0)
    const isAsked = kept.length > 0 && !flags.yes && !flags['keep-data'] && this.canAsk
    const question = `Delete what ${name} kept too (${bytesText(bytes)})?`
    const deletes = !flags['keep-data'] && kept.length > 0 && (!isAsked || (await this.isConfirmed(question)))
    removePackage(this.home, listed)
    if (deletes) removeFiles(kept)
    const item = { name, version, id: id ?? null, deleted: deletes ? kept.map(({ path }) => path) : [] }
    this.printOne('uninstalled', item, ({ good, dim }) => [
      `${good(listed.type === 'link' ? 'unlinked' : 'uninstalled')} ${name} ${version}`,
      ...(kept.length === 0
        ? []
        : deletes
          ? [dim(`deleted what it kept: ${bytesText(bytes)}`)]
          : [dim(`kept: ${kept.map(({ path }) => path).join(', ')}`)]),
    ])
    await this.refresh('plugins:postuninstall')
  }
}
