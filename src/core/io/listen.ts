import type { Server } from 'node:net'
import { MsgError } from '../errors.ts'
import { formatAddress } from '../wire/address.ts'

/** Every address, IPv6 and IPv4. */
export const ANY_HOST = '::'
/** Every address of a machine without IPv6. */
export const ANY_HOST_V4 = '0.0.0.0'

/**
 * Binds a server. {@link ANY_HOST} becomes {@link ANY_HOST_V4} where there is no IPv6.
 *
 * @throws MSG_ERR_PORT_IN_USE; MSG_ERR_CONFIG_INVALID when the host is not of this machine or the port is not allowed.
 */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await bound(server, host, port)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (host === ANY_HOST && isWithoutV6(code)) return listen(server, ANY_HOST_V4, port)
    throw listenError(cause, host, port)
  }
}

/** True for what binding says on a machine without IPv6. */
function isWithoutV6(code: string | undefined): boolean {
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
}

/** The {@link MsgError} for a failed bind. */
export function listenError(cause: unknown, host: string, port: number): MsgError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return new MsgError('MSG_ERR_PORT_IN_USE', { detail: formatAddress({ host, port }), cause })
  return new MsgError('MSG_ERR_CONFIG_INVALID', {
    detail: `cannot listen on ${formatAddress({ host, port })}: ${message}`,
    cause,
  })
}

function bound(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Connections the kernel holds until they are accepted: a lab that comes back after a restart arrives all at once. */
const BACKLOG = 1_024
