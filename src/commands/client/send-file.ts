import { access } from 'node:fs/promises'
import { Args, Flags } from '@oclif/core'
import { OneShotCommand } from '../../cli/client/one-shot.ts'
import { sendFile, type Shipment } from '../../cli/client/send-file.ts'
import { limitFlag } from '../../cli/flags.ts'
import { createScreen } from '../../cli/client/transfer-screen.ts'
import { MsgError } from '../../core/errors.ts'
import { visible } from '../../core/wire/visible.ts'

export default class ClientSendFile extends OneShotCommand {
  static override summary = 'send files and folders, and wait until they have arrived'
  static override description =
    'Opens a session (the other side has to accept), offers, and waits until the receiver has verified everything. Several paths arrive as one folder; - sends what comes from stdin. The seconds of --timeout are those in which nothing moves. Ctrl-C stops it: the receiver keeps what has arrived, and the same command again goes on from there.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> bob report.pdf photos/ --server chat.example.org',
    'tar c . | <%= config.bin %> <%= command.id %> bob - --as backup.tar --server chat.example.org',
  ]
  static override strict = false
  static override flags = {
    ...OneShotCommand.linkFlags,
    limit: limitFlag,
    priority: Flags.option({
      summary: 'which of what this user sends goes first',
      options: ['high', 'normal', 'low'] as const,
      default: 'normal',
    })(),
    as: Flags.string({ summary: 'what the receiver sees instead of its own name', helpValue: '<name>' }),
  }
  static override args = {
    user: Args.string({ ignoreStdin: true, required: true, description: 'who it is for: a name or a virtual address' }),
    path: Args.string({
      ignoreStdin: true,
      required: true,
      description: 'files and folders, as many as you like; - for stdin',
    }),
  }

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(ClientSendFile)
    const shipment: Shipment = {
      to: args.user,
      content: await contentOf(argv.slice(1).map(String)),
      options: { name: flags.as, limit: flags.limit, priority: flags.priority },
    }
    const { isJson, palette } = this.printing
    await this.connected(flags, { isListening: true, endsItself: true }, async (oneShot) => {
      await this.signedIn(oneShot)
      const screen = createScreen({ isJson, out: this.out, err: process.stderr, palette, isAsking: false })
      try {
        await sendFile(oneShot, shipment, screen, palette)
      } finally {
        screen.close()
      }
    })
  }
}

/** A mistyped path is told before anybody is asked. @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_USAGE */
async function contentOf(paths: readonly string[]): Promise<Shipment['content']> {
  if (paths.includes('-')) {
    if (paths.length > 1) throw new MsgError('MSG_ERR_USAGE', { detail: '- is the only path, or none' })
    if (process.stdin.isTTY) throw new MsgError('MSG_ERR_USAGE', { detail: '- needs a pipe or a file as stdin' })
    return { stream: process.stdin }
  }
  for (const path of paths)
    await access(path).catch((cause: unknown) => {
      throw new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: visible(path), cause })
    })
  return { paths }
}
