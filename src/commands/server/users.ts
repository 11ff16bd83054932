import { Flags } from '@oclif/core'
import { AdminCommand } from '../../cli/admin.ts'
import { serverUsersTable } from '../../cli/render/server-lists.ts'

export default class ServerUsers extends AdminCommand {
  static override summary = 'list the accounts of a running server'
  static override examples = ['<%= config.bin %> <%= command.id %> --connected']
  static override flags = { connected: Flags.boolean({ summary: 'only who is connected now' }) }

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerUsers)
    const users = await this.ask(flags, (admin) => admin.users({ connected: flags.connected }))
    this.printItems('user', users, (palette) => serverUsersTable(users, palette, 'Nobody.'))
  }
}
