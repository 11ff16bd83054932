import { AdminCommand } from '../../cli/admin.ts'
import { serverStatusLines } from '../../cli/render/server-lists.ts'

export default class ServerStatus extends AdminCommand {
  static override summary = 'show what a running server is and holds'

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerStatus)
    const status = await this.ask(flags, (admin) => admin.status())
    this.printOne('status', status, (palette) => serverStatusLines(status, palette))
  }
}
