import { createWriteStream, fstatSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { Flags } from '@oclif/core'
import { OneShotCommand } from '../../cli/client/one-shot.ts'
import { Reception } from '../../cli/client/receive.ts'
import { limitFlag } from '../../cli/flags.ts'
import { createScreen } from '../../cli/client/transfer-screen.ts'
import type { AcceptPolicy } from '../../core/index.ts'
import { MsgError } from '../../core/errors.ts'

export default class ClientReceive extends OneShotCommand {
  static override summary = 'receive files and folders until Ctrl-C, or one with --once'
  static override description =
    'Whoever may send may also open a session. ask shows each offer and asks; contacts takes from people met before, unless they come with a device never seen; everyone takes everything. With --to - the bytes of one content go to stdout, and everything else to stderr. What was cut short is kept, and goes on when it is sent again.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --to ~/Downloads --server chat.example.org',
    '<%= config.bin %> <%= command.id %> --once --accept contacts --to - --server chat.example.org | tar x',
  ]
  static override flags = {
    ...OneShotCommand.linkFlags,
    accept: Flags.string({
      summary: 'who may send: whoever you say yes to, whom you have met, everybody [default: ask]',
      options: ['ask', 'contacts', 'everyone'] as const,
    }),
    to: Flags.string({
      summary: 'folder for what arrives; - writes one content to stdout',
      helpValue: '<dir>',
      default: '.',
    }),
    limit: limitFlag,
    once: Flags.boolean({ summary: 'end with the first one' }),
  }

  /** stdout carries the content. */
  get #isPiped(): boolean {
    return this.argv.some((word, index) => word === '--to=-' || (word === '-' && this.argv[index - 1] === '--to'))
  }

  protected override get out(): NodeJS.WriteStream {
    return this.#isPiped ? process.stderr : process.stdout
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ClientReceive)
    const { isJson, palette } = this.printing
    const policy = (flags.accept ?? 'ask') as AcceptPolicy
    const isAsking = policy === 'ask' && this.#canAskHere
    if (policy === 'ask' && !isAsking)
      throw new MsgError('MSG_ERR_USAGE', {
        detail: 'nobody can be asked here: give --accept contacts or --accept everyone',
      })
    const to = flags.to === '-' ? stdout() : resolve(flags.to)
    await this.connected(
      flags,
      { isListening: true, endsItself: true, accept: policy === 'everyone' ? policy : 'ask' },
      async (oneShot) => {
        await this.signedIn(oneShot)
        const screen = createScreen({ isJson, out: this.out, err: process.stderr, palette, isAsking })
        try {
          await new Reception(
            oneShot,
            { policy, to, isOnce: flags.once || flags.to === '-', limit: flags.limit },
            screen,
            palette,
          ).run()
        } finally {
          screen.close()
        }
      },
    )
  }

  /** A person can be asked on stderr too. */
  get #canAskHere(): boolean {
    if (this.isGiven('--no-input') || this.isGiven('--json')) return false
    return Boolean(process.stdin.isTTY && this.out.isTTY)
  }
}

/** @throws MSG_ERR_USAGE on a terminal, which arbitrary bytes would wreck. */
function stdout(): Writable {
  if (process.stdout.isTTY)
    throw new MsgError('MSG_ERR_USAGE', { detail: 'stdout is a terminal: redirect it, or give --to <dir>' })
  // A file is written in other threads: process.stdout would stop the links meanwhile.
  return fstatSync(1).isFile() ? createWriteStream('', { fd: 1, autoClose: false }) : process.stdout
}
