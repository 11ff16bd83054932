import { readFileSync } from 'node:fs'
import { MsgError } from 'msg-cli/plugin'
import { Args, PluginOneShot } from 'msg-cli/command'
import client from '../../client.ts'

export default class ClientBroadcast extends PluginOneShot {
  static override summary = 'say something to everybody who is connected to the server'
  static override description =
    'Goes through the server, which reads it, to every connected client that has the plugin. Waits until they have acknowledged it, or had a few seconds to.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> "the build server goes down at six" --server chat.example.org --user ci',
    'git log -1 | <%= config.bin %> <%= command.id %> - --server chat.example.org --user ci',
  ]
  static override args = {
    text: Args.string({ ignoreStdin: true, description: 'what to say; from stdin when missing or -' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClientBroadcast)
    const text = args.text === undefined || args.text === '-' ? this.#readText() : args.text
    await this.play(client, flags, { command: 'broadcast', values: { text }, type: 'broadcast' })
  }

  #readText(): string {
    if (process.stdin.isTTY && this.isGiven('--no-input'))
      throw new MsgError('MSG_ERR_USAGE', { detail: 'a text is needed' })
    return readFileSync(0, 'utf8').replace(/\r?\n$/u, '')
  }
}
