import { AdminCommand } from '../../cli/admin.ts'
import { roomsTable } from '../../cli/render/lists.ts'

export default class ServerRooms extends AdminCommand {
  static override summary = 'list the rooms of a running server'

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerRooms)
    const rooms = await this.ask(flags, (admin) => admin.rooms())
    this.printItems('room', rooms, (palette) => roomsTable(rooms, palette))
  }
}
