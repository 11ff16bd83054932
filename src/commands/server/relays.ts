import { AdminCommand } from '../../cli/admin.ts'
import { relaysLines } from '../../cli/render/server-lists.ts'

export default class ServerRelays extends AdminCommand {
  static override summary = 'show what goes through the relay of a running server'

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerRelays)
    const relays = await this.ask(flags, (admin) => admin.relays())
    this.printOne('relays', relays, (palette) => relaysLines(relays, palette))
  }
}
