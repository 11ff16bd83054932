import type { ClientOptions, PluginCommand } from '../core/index.ts'
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

/** How {@link PluginOneShot.converse} does it. */
export interface Converse {
  /** Who it is about: a session with them is open while `act` runs. */
  readonly user: string
  /** Told of Ctrl-C first. @returns true when it was taken, and does not end the command */
  readonly onInterrupt?: () => boolean
}

/** What {@link PluginOneShot.converse} gives to what it runs. */
export interface Conversing {
  /** As they are registered. */
  readonly user: string
  /** Aborted when the time is up or a signal came. */
  readonly signal: AbortSignal
  /** The command of that name, which the plugin adds to the prompt. @throws MSG_ERR_PLUGIN_LOAD */
  readonly command: (name: string) => PluginCommand
  /** `--timeout` begins anew. */
  readonly moved: () => void
  /** It stands still until `moved` is called. */
  readonly rest: () => void
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
    const plugins = [{ plugin, options: this.#optionsOf(plugin, flags) }]
    const options = { isListening: false, isDownloading, endsItself: isDownloading, plugins }
    await this.connected(flags, options, async (oneShot) => {
      await this.signedIn(oneShot)
      const command = oneShot.client.commands.find((candidate) => candidate.name === name)
      if (!command) throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: plugin.protocol.id })
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

  /**
   * Connects with links, signs in, opens a session with somebody unless there is one, runs `act`, and leaves what it has opened.
   *
   * @param plugin - the client half; `act` ends by itself once its signal is aborted.
   */
  protected async converse(
    plugin: Half,
    flags: Readonly<Record<string, unknown>>,
    { user: name, onInterrupt }: Converse,
    act: (conversing: Conversing) => Promise<void>,
  ): Promise<void> {
    const plugins = [{ plugin, options: this.#optionsOf(plugin, flags) }]
    const options = { isListening: true, endsItself: true, plugins, ...(onInterrupt ? { onInterrupt } : {}) }
    await this.connected(flags, options, async (oneShot) => {
      const { client, signal, moved, rest } = oneShot
      await this.signedIn(oneShot)
      // What this user has open in other terminals was told at sign-in; the answer to a request comes after it.
      await client.rooms()
      const before = client.conversations().map(({ conversation }) => conversation)
      const { user } = await client.open(name, { signal })
      moved()
      try {
        const command = (wanted: string): PluginCommand => {
          const found = client.commands.find((candidate) => candidate.name === wanted)
          if (!found) throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: plugin.protocol.id })
          return found
        }
        await act({ user, signal, command, moved, rest })
      } finally {
        const isOlder = before.some((conversation) => conversation.kind === 'session' && conversation.user === user)
        if (!isOlder && client.connected)
          await client.leave({ conversation: { kind: 'session', user } }).catch(() => {})
      }
    })
  }

  /** @throws MSG_ERR_CONFIG_INVALID where the configuration turns it off. */
  #optionsOf(plugin: Half, flags: Readonly<Record<string, unknown>>): unknown {
    const { id } = plugin.protocol
    const given = this.settings(['plugins'], flags).plugin(id)
    if (given === false)
      throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail: `plugins.${id} is false: the plugin is turned off` })
    return given
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
