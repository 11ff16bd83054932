import { Args, Flags, PluginOneShot } from 'msg-cli/command'
import client from '../../client.ts'

export default class ClientDownload extends PluginOneShot {
  static override summary = "download a file or folder from the server's shelf"
  static override description =
    'Goes on by itself when the connection breaks. At the checkpoint a person at a terminal is asked whether to go on; stopping keeps what has arrived, and the exit status is 8. The next download of the same name goes on from there.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> backup.tar --server chat.example.org --user ci --to ./downloads',
    '<%= config.bin %> <%= command.id %> docs/guide.pdf --checkpoint none --limit 20MB/s',
  ]
  static override args = {
    name: Args.string({ ignoreStdin: true, required: true, description: 'a file or folder on the shelf' }),
  }
  static override flags = {
    ...PluginOneShot.flagsOfLinks,
    to: Flags.string({ summary: 'folder it lands in [default: the current one]', helpValue: '<folder>' }),
    checkpoint: Flags.string({
      summary: 'where a person is asked whether to go on: a percentage, or none [default: 50%]',
      helpValue: '<percent>',
    }),
    limit: Flags.string({ summary: 'bytes per second at most, such as 20MB/s', helpValue: '<rate>' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClientDownload)
    const { to, checkpoint, limit } = flags
    await this.play(client, flags, {
      command: 'download',
      values: { name: args.name, to, checkpoint, limit },
      type: 'downloaded',
      items: (fields) => [(fields as { download: object }).download],
      isDownloading: true,
    })
  }
}
