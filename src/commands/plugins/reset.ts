import { Flags } from '@oclif/core'
import { MsgError } from '../../core/errors.ts'
import { PluginsCommand } from '../../cli/plugin-packages/command.ts'
import { readList } from '../../cli/plugin-packages/list.ts'

export default class PluginsReset extends PluginsCommand {
  static override summary = 'remove all plugins that were installed or linked'
  static override description = 'What they kept stays: msg plugins uninstall deletes that of one.'
  static override flags = { yes: Flags.boolean({ char: 'y', summary: 'without being asked' }) }

  async run(): Promise<void> {
    const { flags } = await this.parse(PluginsReset)
    const list = readList(this.home)
    const names = list.map(({ name }) => name).join(', ')
    if (list.length > 0 && !flags.yes) {
      if (!this.canAsk)
        throw new MsgError('MSG_ERR_USAGE', {
          detail: `nobody is here to say that ${names} may be removed; give --yes`,
        })
      if (!(await this.isConfirmed(`Remove ${names}?`)))
        throw new MsgError('MSG_ERR_CANCELLED', { detail: 'nothing was changed' })
    }
    const { removePackage } = await import('../../cli/plugin-packages/install.ts')
    for (const entry of list) removePackage(this.home, entry)
    const items = list.map(({ name, version, id }) => ({ name, version: version ?? '', id: id ?? null, deleted: [] }))
    this.printItems('uninstalled', items, ({ good }) =>
      list.length === 0 ? ['No plugins are installed.'] : list.map(({ name }) => `${good('uninstalled')} ${name}`),
    )
    await this.refresh('plugins:postuninstall')
  }
}
