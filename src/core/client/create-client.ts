import type { Client, ClientOptions } from './api.ts'
import { MsgClient } from './client.ts'
import type { ClientDeps } from './deps.ts'

/**
 * Connects to a server: the start of everything a client does. Sign in with `register` or `login` next.
 *
 * @throws MSG_ERR_SERVER_UNREACHABLE, MSG_ERR_FINGERPRINT_CHANGED, MSG_ERR_FINGERPRINT_MISMATCH, MSG_ERR_VERSION, MSG_ERR_USAGE,
 * MSG_ERR_DIRECTORY_ACCESS, MSG_ERR_CANCELLED
 */
export function clientFactory(deps: ClientDeps): (options: ClientOptions) => Promise<Client> {
  return async (options) => {
    const client = new MsgClient(options, deps)
    try {
      await client.connect()
      return client
    } catch (error) {
      await client.destroy()
      throw error
    }
  }
}
