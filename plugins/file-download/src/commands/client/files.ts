import { Args, PluginOneShot } from 'msg-cli/command'
import client from '../../client.ts'
import type { Item } from '../../protocol.ts'

export default class ClientFiles extends PluginOneShot {
  static override summary = "list what is on the server's shelf"
  static override description =
    'The server offers what its owner has put into the folder of `msg server start --files`. With --json each file is a line of type `file`.'
  static override examples = ['<%= config.bin %> <%= command.id %> --server chat.example.org --user ci']
  static override args = {
    folder: Args.string({ ignoreStdin: true, description: 'a folder on the shelf; all of it when missing' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClientFiles)
    await this.play(client, flags, {
      command: 'files',
      values: { folder: args.folder },
      type: 'file',
      items: (fields) => (fields as { files: Item[] }).files,
    })
  }
}
