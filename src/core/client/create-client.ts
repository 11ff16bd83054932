import { dialControl } from '../io/control-channel.ts'
import { UdpEndpoint } from '../io/link-endpoint.ts'
import { PortMapping } from '../io/port-mapping.ts'
import type { Client, ClientOptions } from './api.ts'
import { MsgClient } from './client.ts'
import type { ClientDeps } from './deps.ts'

/**
 * Connects to a server: the start of everything a client does. Sign in with `register` or `login` next.
 *
 * @param deps - what the client needs of the world; tests replace some of it.
 * @throws MSG_ERR_SERVER_UNREACHABLE, MSG_ERR_FINGERPRINT_CHANGED, MSG_ERR_FINGERPRINT_MISMATCH, MSG_ERR_VERSION, MSG_ERR_USAGE,
 * MSG_ERR_DIRECTORY_ACCESS, MSG_ERR_STORE_CORRUPT, MSG_ERR_CANCELLED
 */
export async function createClient(options: ClientOptions, deps: Partial<ClientDeps> = {}): Promise<Client> {
  const client = new MsgClient(options, { ...WORLD, ...deps })
  try {
    await client.connect()
    return client
  } catch (error) {
    await client.destroy()
    throw error
  }
}

const WORLD: ClientDeps = {
  dial: dialControl,
  bind: ({ noise }, instance, options) => UdpEndpoint.bind({ local: { key: noise, instance }, ...options }),
  mapPort: (options) => new PortMapping(options),
  random: Math.random,
  env: process.env,
}
