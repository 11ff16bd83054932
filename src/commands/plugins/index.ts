import { extendsText, shown } from '../../cli/plugin-packages/describe.ts'
import { packageJson } from '../../cli/plugin-packages/json.ts'
import { PluginsCommand } from '../../cli/plugin-packages/command.ts'
import { tableLines } from '../../cli/render/table.ts'

export default class Plugins extends PluginsCommand {
  static override summary = 'list the plugins and what each of them extends'
  static override description =
    'Installed ones come from packages, linked ones are folders of your own, bundled ones belong to a checkout of msg.'

  async run(): Promise<void> {
    await this.parse(Plugins)
    const packages = this.packages()
    this.printItems('plugin', packages.map(packageJson), ({ dim, name, bad }) => [
      ...tableLines(
        ['package', 'version', 'plugin', 'extends', 'api', 'from'].map(dim),
        packages.map(({ name: text, version, from, root, listed, declared }) => [
          name(shown(text)),
          shown(version),
          listed?.id ?? shown(declared?.id ?? '–'),
          declared ? extendsText(declared) : bad('broken'),
          String(declared?.api ?? '–'),
          from === 'linked' ? `linked ${dim(shown(root))}` : from,
        ]),
        'No plugins are installed: msg plugins install <package> installs one.',
      ),
      ...packages.flatMap(({ name: text, fault }) =>
        fault === undefined
          ? []
          : [`${bad('broken:')} ${shown(text)}: ${shown(fault)}; msg plugins uninstall ${shown(text)} removes it`],
      ),
    ])
  }
}
