import { Flags } from '@oclif/core'
import { OneShotCommand } from '../../cli/client/one-shot.ts'
import { usersTable } from '../../cli/render/lists.ts'

export default class ClientUsers extends OneShotCommand {
  static override summary = 'list the users of a server'
  static override flags = { connected: Flags.boolean({ summary: 'only who is connected now' }) }

  async run(): Promise<void> {
    const { flags } = await this.parse(ClientUsers)
    await this.connected(flags, { isListening: false }, async (oneShot) => {
      await this.signedIn(oneShot)
      const users = await oneShot.client.users({ connected: flags.connected })
      this.printItems('user', users, (palette) => usersTable(users, palette, 'Nobody.'))
    })
  }
}
