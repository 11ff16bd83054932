import { Args } from '@oclif/core'
import { AdminCommand } from '../../cli/admin.ts'
import { membersTable } from '../../cli/render/lists.ts'

export default class ServerMembers extends AdminCommand {
  static override summary = 'list who is in a room of a running server'
  static override args = { room: Args.string({ ignoreStdin: true, required: true, description: 'the room' }) }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ServerMembers)
    const members = await this.ask(flags, (admin) => admin.members(args.room))
    this.printOne('members', members, (palette) => membersTable(members, palette))
  }
}
