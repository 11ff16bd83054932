import { OneShotCommand } from '../../cli/client/one-shot.ts'

export default class ClientRegister extends OneShotCommand {
  static override summary = 'make an account and keep the sign-in'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --server chat.example.org --user alice',
    '<%= config.bin %> <%= command.id %> --server chat.example.org --user bot --password-file ./bot.password',
  ]
  static override flags = { ...OneShotCommand.passwordFlags }

  async run(): Promise<void> {
    const { flags } = await this.parse(ClientRegister)
    await this.connected(flags, { isListening: false }, async ({ client, settings }) => {
      const user = settings.required('user')
      const registered = await client.register(user, await this.password(flags, `New password for ${user}`))
      this.printOne('registered', registered, () => [
        `Registered ${registered.user} with the address ${registered.virtualAddress}; this device is remembered.`,
      ])
    })
  }
}
