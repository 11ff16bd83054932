import { OneShotCommand } from '../../cli/client/one-shot.ts'

export default class ClientWhoami extends OneShotCommand {
  static override summary = 'show the user, virtual address and device that this profile signs in as'

  async run(): Promise<void> {
    const { flags } = await this.parse(ClientWhoami)
    await this.connected(flags, { isListening: false }, async (oneShot) => {
      await this.signedIn(oneShot)
      const me = oneShot.client.whoami()
      this.printOne('whoami', me, ({ name }) => [
        `${name(me.user)} (${me.virtualAddress}) on ${me.server}`,
        `device ${me.device}`,
      ])
    })
  }
}
