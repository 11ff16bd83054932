import type { ClientOptions } from '../core/index.ts'
import { MsgError } from '../core/errors.ts'
import { visible } from '../core/wire/visible.ts'
import { Checkpoints } from './client/checkpoint.ts'
import { OneShotCommand, type OneShot } from './client/one-shot.ts'
import { TransferProgress } from './client/transfer-progress.ts'
import { createScreen, type TransferScreen } from './client/transfer-screen.ts'
import { Values } from './lines/values.ts'

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
    const { id } = plugin.protocol
    const given = this.settings(['plugins'], flags).plugin(id)
    if (given === false)
      throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail: `plugins.${id} is false: the plugin is turned off` })
    const plugins = [{ plugin, options: given }]
    const options = { isListening: false, isDownloading, endsItself: isDownloading, plugins }
    await this.connected(flags, options, async (oneShot) => {
      await this.signedIn(oneShot)
      const command = oneShot.client.commands.find((candidate) => candidate.name === name)
      if (!command) throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: id })
      const screen = isDownloading ? this.#screen() : undefined
      const telling = screen && tell(oneShot, screen)
      // As long as there is a link it is the disk and the other side that decide how long it takes, and people how long they think.
      const patience = setInterval(() => {
        if (oneShot.client.links().links.length > 0) oneShot.moved()
      }, LOOK_MS)
      const words = Object.entries(values).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value] as const],
      )
      const { signal } = oneShot
      const confirm = screen?.confirm && ((question: string) => screen.confirm!(question, { signal }))
      const fields = await command.run(new Values(words), { signal, confirm }).finally(async () => {
        clearInterval(patience)
        await telling?.()
        screen?.close()
      })
      this.printItems(type, items ? items(fields) : [fields], () => command.text(fields, (text) => visible(text)))
    })
  }

  #screen(): TransferScreen {
    const { isJson, palette } = this.printing
    return createScreen({ isJson, out: this.out, err: process.stderr, palette, isAsking: this.canAsk })
  }
}

/** Shows what happens meanwhile, and asks at checkpoints. @returns resolves when all of it is said */
function tell({ client, moved }: OneShot, screen: TransferScreen): () => Promise<void> {
  const progress = new TransferProgress({
    transfers: () => client.transfers(),
    draw: (moving) => screen.progress(moving),
  })
  const { confirm } = screen
  const checkpoints = new Checkpoints({
    client: () => client,
    confirm: confirm && ((question, options) => confirm(question, { ...options, isYes: true })),
  })
  const events = client.events()
  const telling = (async () => {
    for await (const event of events) {
      // The server is away, and is waited for.
      if (event.type === 'reconnecting') moved()
      // A checkpoint is a question where somebody is there.
      if (event.type !== 'transfer.checkpoint' || !confirm) screen.event(event)
      void checkpoints.handleEvent(event)
      progress.handleEvent(event)
    }
  })()
  return async () => {
    // What was told before the command ended is in the queue already.
    await new Promise((resolve) => setImmediate(resolve))
    await events.return?.()
    await telling
    progress.close()
  }
}

/** How often it is looked whether there is a link, milliseconds. */
const LOOK_MS = 500
