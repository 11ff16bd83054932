import { MsgError } from '../../core/errors.ts'
import { OneShotCommand } from '../../cli/client/one-shot.ts'

export default class ClientLogin extends OneShotCommand {
  static override summary = 'sign in once and keep it: later commands need no password'
  static override examples = ['<%= config.bin %> <%= command.id %> --server chat.example.org --user alice']
  static override flags = { ...OneShotCommand.passwordFlags }

  async run(): Promise<void> {
    const { flags } = await this.parse(ClientLogin)
    await this.connected(flags, { isListening: false }, async ({ client, settings }) => {
      const user = settings.required('user')
      const isPasswordGiven = flags['password-file'] !== undefined || flags['password-stdin']
      const signedIn = isPasswordGiven
        ? await client.login(user, await this.password(flags, ''))
        : await client.login(user).catch(async (error: unknown) => {
            if (!MsgError.is(error) || !NEEDS_PASSWORD.includes(error.code)) throw error
            return client.login(user, await this.password(flags, `Password of ${user}`))
          })
      this.printOne('signed-in', signedIn, () => [`Signed in as ${user}; this device is remembered.`])
    })
  }
}

const NEEDS_PASSWORD = ['MSG_ERR_PROFILE_UNKNOWN', 'MSG_ERR_DEVICE_UNKNOWN']
