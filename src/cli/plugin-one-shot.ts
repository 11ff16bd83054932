import type { ClientOptions } from '../core/index.ts'
import { MsgError } from '../core/errors.ts'
import { visible } from '../core/wire/visible.ts'
import { OneShotCommand, type OneShot } from './client/one-shot.ts'
import { Values } from './lines/values.ts'
import { clientEventLines } from './render/client-events.ts'

export { Args, Flags } from '@oclif/core'

type Half = NonNullable<ClientOptions['plugins']>[number]['plugin']

/** How {@link PluginOneShot.play} runs a command of the prompt. */
export interface Play {
  /** Name of the command that the plugin adds to the prompt. */
  readonly command: string
  /** Its words and options. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  /** True when it downloads: `--timeout` is how long it may be without a link. @default false */
  readonly isDownloading?: boolean
  /** Prints what the command answers, with `--json` as lines of this type. */
  readonly type: string
  /** The items of the answer, each of which is a line of JSON. @default the answer itself is the one line */
  readonly items?: (fields: object) => readonly object[]
}

/** A one-shot command of a plugin: connects, signs in, runs a command that the plugin adds to the prompt, leaves. */
export abstract class PluginOneShot extends OneShotCommand {
  static flagsOfLinks = OneShotCommand.linkFlags

  /** @param plugin - the client half. */
  protected async play(
    plugin: Half,
    flags: Readonly<Record<string, unknown>>,
    { command: name, values, type, items, isDownloading = false }: Play,
  ): Promise<void> {
    const options = { isListening: false, isDownloading, endsItself: isDownloading, plugins: [{ plugin }] }
    await this.connected(flags, options, async (oneShot) => {
      await this.signedIn(oneShot)
      const command = oneShot.client.commands.find((candidate) => candidate.name === name)
      if (!command) throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: plugin.protocol.id })
      const telling = isDownloading ? this.tell(oneShot) : undefined
      // As long as there is a link it is the disk and the other side that decide how long it takes, and people how long they think.
      const patience = setInterval(() => {
        if (oneShot.client.links().links.length > 0) oneShot.moved()
      }, LOOK_MS)
      const given = Object.entries(values).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value] as const],
      )
      const confirm = this.canAsk ? (question: string) => this.confirm(question) : undefined
      const fields = await command.run(new Values(given), { signal: oneShot.signal, confirm }).finally(async () => {
        clearInterval(patience)
        await telling?.()
      })
      this.printItems(type, items ? items(fields) : [fields], () => command.text(fields, (text) => visible(text)))
    })
  }

  /** What happens meanwhile. @returns resolves when all of it is said */
  protected tell({ client, moved }: OneShot): () => Promise<void> {
    const events = client.events()
    const telling = (async () => {
      for await (const event of events) {
        // The server is away, and is waited for.
        if (event.type === 'reconnecting') moved()
        if (event.type.startsWith('transfer.') || TOLD.has(event.type))
          this.printItems(event.type, [event], (palette) => clientEventLines(event, palette))
      }
    })()
    return async () => {
      // What was told before the command ended is in the queue already.
      await new Promise((resolve) => setImmediate(resolve))
      await events.return?.()
      await telling
    }
  }

  private async confirm(question: string): Promise<boolean> {
    const { confirm } = await import('@inquirer/prompts')
    return await confirm({ message: question, default: false }).catch(() => false)
  }
}

/** How often it is looked whether there is a link, milliseconds. */
const LOOK_MS = 500
/** Beside those of transfers. */
const TOLD: ReadonlySet<string> = new Set(['warning', 'reconnecting', 'disconnected'])
