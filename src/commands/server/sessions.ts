import { AdminCommand } from '../../cli/admin.ts'
import { serverSessionsTable } from '../../cli/render/server-lists.ts'

export default class ServerSessions extends AdminCommand {
  static override summary = 'list who talks to whom on a running server'

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerSessions)
    const sessions = await this.ask(flags, (admin) => admin.sessions())
    this.printItems('session', sessions, (palette) => serverSessionsTable(sessions, palette))
  }
}
