import { AdminCommand } from '../../cli/admin.ts'

export default class ServerStop extends AdminCommand {
  static override summary = 'stop a running server, after it has told its clients'

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerStop)
    await this.ask(flags, (admin) => admin.stop())
    this.printOne('stopped', {}, () => ['The server has stopped.'])
  }
}
