import { BaseCommand } from '../../cli/base-command.ts'
import { SETTING_ROWS } from '../../cli/config/settings.ts'
import { tableLines } from '../../cli/render/table.ts'

export default class ConfigShow extends BaseCommand {
  static override summary = 'show every setting, its value and where it comes from'
  static override description =
    'A flag wins over the environment, that over the project file (.msgrc.json, .msgrc.yaml), that over the user file (config.json, config.yaml in the configuration directory), that over the default.'

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigShow)
    const settings = this.settings([], flags)
    const items = SETTING_ROWS.map(([key, { env }]) => {
      const { value = null, origin, source = null } = settings.resolved(key)
      return { key, value, origin, source, env }
    })
    this.printItems('setting', items, ({ dim, name }) =>
      tableLines(
        ['setting', 'value', 'from', ''].map(dim),
        items.map(({ key, value, origin, source, env }) => [
          name(key),
          value === null ? dim('–') : typeof value === 'object' ? JSON.stringify(value) : String(value),
          origin,
          dim(source ?? `set ${env}`),
        ]),
        '',
      ),
    )
  }
}
