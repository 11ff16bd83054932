import { OneShotCommand } from '../../cli/client/one-shot.ts'
import { roomsTable } from '../../cli/render/lists.ts'

export default class ClientRooms extends OneShotCommand {
  static override summary = 'list the rooms of a server'

  async run(): Promise<void> {
    const { flags } = await this.parse(ClientRooms)
    await this.connected(flags, { isListening: false }, async (oneShot) => {
      await this.signedIn(oneShot)
      const rooms = await oneShot.client.rooms()
      this.printItems('room', rooms, (palette) => roomsTable(rooms, palette))
    })
  }
}
