import { Args, PluginOneShot } from 'msg-cli/command'
import client from '../../client.ts'

/** Connects, does what `hello` does at the prompt, and leaves. */
export default class ClientHello extends PluginOneShot {
  static override summary = 'greet everybody who is connected'
  static override examples = ['<%= config.bin %> <%= command.id %> "good morning" --server chat.example.org']
  static override args = {
    text: Args.string({ ignoreStdin: true, description: 'what to say' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClientHello)
    await this.play(client, flags, { command: 'hello', values: { text: args.text }, type: 'greeted' })
  }
}
