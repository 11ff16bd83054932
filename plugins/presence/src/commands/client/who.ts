import { PluginOneShot } from 'msg-cli/command'
import client from '../../client.ts'
import type { Person } from '../../protocol.ts'

export default class ClientWho extends PluginOneShot {
  static override summary = 'list who is here, and who is away'
  static override description =
    'Whoever is invisible is not listed. With --json each is a line of type `person`, with `since` in UTC.'
  static override examples = ['<%= config.bin %> <%= command.id %> --server chat.example.org --user ci']

  async run(): Promise<void> {
    const { flags } = await this.parse(ClientWho)
    await this.play(client, flags, {
      command: 'who',
      values: {},
      type: 'person',
      items: (fields) => (fields as { people: Person[] }).people,
    })
  }
}
