import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '@oclif/core'
import { MsgError } from '../../core/errors.ts'
import { BaseCommand } from '../base-command.ts'
import { confirmed } from '../prompt/ask.ts'
import { PLUGIN_API } from '../plugins.ts'
import { onLeaveSignal } from '../signals.ts'
import type { Checked, Words } from './checks.ts'
import { filesOfFolder, readDeclared, type Declared } from './declared.ts'
import type { InstallDeps } from './install.ts'
import { readList, type Listed } from './list.ts'
import { probing } from './probing.ts'

type OclifPlugin = ReturnType<Config['getPluginsList']>[number]

/** One of msg's plugins, as oclif has loaded its package or as the user's list says. */
export interface PluginPackage {
  readonly name: string
  readonly version: string
  readonly from: 'installed' | 'linked' | 'bundled'
  readonly root: string
  /** In the user's list; bundled ones are not. */
  readonly listed: Listed | undefined
  /** Undefined when the package cannot be read any more. */
  readonly declared: Declared | undefined
  /** Why it cannot. */
  readonly fault: string | undefined
}

/** What the commands about plugins share. */
export abstract class PluginsCommand extends BaseCommand {
  #status: number | undefined

  /** Where the list of plugins and the installed packages are. */
  protected get home(): string {
    return this.config.dataDir
  }

  /** The folder of the msg that runs. */
  protected get host(): string {
    return realpathSync(this.config.root)
  }

  /** Every plugin: those of the user, and those of a checkout. */
  protected packages(): PluginPackage[] {
    const list = readList(this.home)
    const bundled = this.config
      .getPluginsList()
      .filter((plugin) => isBundled(plugin) && !list.some(({ name }) => name === plugin.name))
    return [
      ...list.map((listed) => read(listed.name, listed.root, listed.type === 'link' ? 'linked' : 'installed', listed)),
      ...bundled.map(({ name, root }) => read(name, root, 'bundled', undefined)),
    ].sort((a, b) => a.name.localeCompare(b.name))
  }

  /** The plugin that is meant: its package's name, its id, or its name without what packages of plugins begin with. @throws MSG_ERR_PLUGIN_UNKNOWN */
  protected find(word: string): PluginPackage {
    const packages = this.packages()
    const found =
      packages.find(({ name }) => name === word) ??
      packages.find(({ listed, declared }) => listed?.id === word || declared?.id === word) ??
      packages.find(({ name }) => name.replace(/^(?:@[^/]+\/)?msg-plugin-/u, '') === word)
    if (!found) throw new MsgError('MSG_ERR_PLUGIN_UNKNOWN', { detail: word })
    return found
  }

  /** What importing every plugin shows; without those that cannot be imported. */
  protected async probedPackages(signal: AbortSignal): Promise<Array<Omit<Checked, 'declared'>>> {
    const all = this.packages().map(async ({ name, root, declared }) => {
      if (declared?.server === undefined && declared?.client === undefined) return []
      const { server, client } = declared
      const result = await probing({ root, server, client, commands: [] }, signal).catch(() => undefined)
      return [{ name, probed: result?.parts ?? [] }]
    })
    return (await Promise.all(all)).flat()
  }

  /** What the checks of a package need to know, whichever way it comes. */
  protected checking(signal: AbortSignal): Omit<InstallDeps, 'trust' | 'runsScripts' | 'say'> {
    return {
      dataDir: this.home,
      host: this.host,
      api: PLUGIN_API,
      others: this.config.getPluginsList(),
      othersProbed: async () => await this.probedPackages(signal),
      words: async () => await this.words(),
      signal,
    }
  }

  /** The words of both consoles. */
  protected async words(): Promise<{ readonly client: Words; readonly server: Words }> {
    const [{ CLIENT_COMMANDS }, { SERVER_COMMANDS }] = await Promise.all([
      import('../client-commands/table.ts'),
      import('../server-console/table.ts'),
    ])
    return { client: CLIENT_COMMANDS, server: SERVER_COMMANDS }
  }

  /** Work that Ctrl-C ends well: with what it undoes on its way out, and with the status of the signal. */
  protected async interruptibly<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const leaving = new AbortController()
    const stop = onLeaveSignal((status) => {
      this.#status = status
      leaving.abort(new MsgError('MSG_ERR_CANCELLED', { detail: 'nothing was changed' }))
    })
    try {
      return await work(leaving.signal)
    } finally {
      stop()
    }
  }

  /** Asks on the terminal, where `no` is the answer of whoever says nothing. @throws MSG_ERR_CANCELLED on Ctrl-C */
  protected async isConfirmed(question: string): Promise<boolean> {
    try {
      return await confirmed(question)
    } catch (error) {
      // The prompt reads Ctrl-C as a key: there is no signal.
      this.#status = 130
      throw error
    }
  }

  /** What goes on, for people; on stderr, since it is no result. */
  protected say(step: string): void {
    if (process.stderr.isTTY && !this.isGiven('--json'))
      process.stderr.write(`${this.palette(process.stderr).dim(`${step} …`)}\n`)
  }

  /** Completion and whatever else lists commands is told that there are others now. */
  protected async refresh(change: 'plugins:postinstall' | 'plugins:postuninstall'): Promise<void> {
    if (!existsSync(join(this.config.cacheDir, 'autocomplete'))) return
    await this.config.runHook(change, {})
  }

  override async catch(error: Error & { oclif?: { exit?: number } }): Promise<void> {
    await super.catch(error)
    if (this.#status !== undefined) process.exitCode = this.#status
  }
}

function read(name: string, root: string, from: PluginPackage['from'], listed: Listed | undefined): PluginPackage {
  try {
    const declared = readDeclared(filesOfFolder(root))
    return { name, version: declared.version, from, root, listed, declared, fault: undefined }
  } catch (error) {
    const fault = existsSync(root) ? MsgError.of(error).detail : `${root} is gone`
    return { name, version: listed?.version ?? '', from, root, listed, declared: undefined, fault }
  }
}

/** A package of a checkout that is one of msg's plugins, rather than a part of the program. */
function isBundled({ type, pjson }: OclifPlugin): boolean {
  return type === 'core' && 'msg' in pjson
}
