import { Flags } from '@oclif/core'
import { MsgError } from '../../core/errors.ts'
import { PLUGIN_API } from '../plugins.ts'
import { PluginsCommand } from './command.ts'
import { candidateLines, extendsText } from './describe.ts'
import type { Candidate, Installed } from './install.ts'
import { candidateJson } from './json.ts'
import type { Source } from './source.ts'

/** What the commands share that install packages. */
export abstract class InstallingCommand extends PluginsCommand {
  static override baseFlags = {
    ...PluginsCommand.baseFlags,
    yes: Flags.boolean({ char: 'y', summary: 'trust the package without being asked' }),
    'allow-scripts': Flags.boolean({ summary: 'let npm run the scripts of the package and of what it needs' }),
  }

  /** Installs a package and says so. @throws as `installPackage` does; MSG_ERR_PLUGIN_UNTRUSTED, MSG_ERR_CANCELLED when it is not trusted */
  protected async install(source: Source, flags: { yes: boolean; 'allow-scripts': boolean }): Promise<void> {
    const { installPackage } = await import('./install.ts')
    const runsScripts = flags['allow-scripts']
    const installed = await this.interruptibly(
      async (signal) =>
        await installPackage(source, {
          ...this.checking(signal),
          trust: async (candidate) => await this.#trust(candidate, flags.yes, runsScripts),
          runsScripts,
          say: (step) => this.say(step),
        }),
    )
    this.#report(installed)
    if (installed.isChanged) await this.refresh('plugins:postinstall')
  }

  async #trust(candidate: Candidate, isTrusted: boolean, runsScripts: boolean): Promise<void> {
    const { name } = candidate.declared
    const { isJson } = this.printing
    if (isJson) this.printOne('declared', candidateJson(candidate), () => [])
    if (isTrusted) return
    const out = this.canAsk ? process.stdout : process.stderr
    const lines = candidateLines(candidate, PLUGIN_API, runsScripts, this.palette(out))
    if (!isJson) out.write(`${['', ...lines, '', ...WARNING, ''].join('\n')}\n`)
    if (!this.canAsk) throw new MsgError('MSG_ERR_PLUGIN_UNTRUSTED', { detail: name })
    if (!(await this.isConfirmed(`Trust ${name} and install it?`)))
      throw new MsgError('MSG_ERR_CANCELLED', { detail: `${name} was not trusted; nothing was changed` })
  }

  #report(installed: Installed): void {
    const { declared, previous, isChanged, id, root, probed } = installed
    const { name, version } = declared
    const isOptIn = declared.optIn || probed.some(({ optIn }) => optIn === true)
    const item = { name, version, previous: previous ?? null, id: id ?? null, optIn: isOptIn, changed: isChanged, root }
    this.printOne('installed', item, ({ good, dim }) => {
      if (!isChanged) return [`${name} ${version} is installed already, from the very same package.`]
      const before = previous === undefined || previous === version ? '' : `, it was ${previous}`
      return [
        `${good('installed')} ${name} ${version}${before}: ${extendsText(declared)}`,
        ...(isOptIn ? [dim(`It does nothing until the configuration has "plugins": {"${id ?? name}": {…}}.`)] : []),
        ...(declared.server === undefined
          ? []
          : [dim('A server that is running takes it up when it is started again.')]),
      ]
    })
  }
}

const WARNING = [
  'A plugin runs inside msg and can do whatever you can: read your files and messages, and act in your name.',
  'Nobody has checked it. Install it only if you know where it comes from.',
]
