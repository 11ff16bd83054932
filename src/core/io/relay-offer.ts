import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { fingerprintOf } from '../crypto/device-key.ts'
import type { HostPort } from '../wire/address.ts'

/**
 * Whether the server at `address` takes relayed datagrams over TLS: it says so while TLS begins, and nothing is sent.
 *
 * @param fingerprint - that its key must have. @returns `undefined` when that could not be asked.
 */
export async function offersRelay(
  address: HostPort,
  { fingerprint, signal }: { readonly fingerprint: string; readonly signal: AbortSignal },
): Promise<boolean | undefined> {
  if (signal.aborted) return undefined
  const socket = connect({
    host: address.host,
    port: address.port,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [RELAY_ALPN],
    ...(isIP(address.host) ? {} : { servername: address.host }),
    // The key is what the server is known by, and is compared below.
    rejectUnauthorized: false,
  })
  const stop = (): void => void socket.destroy()
  const timer = setTimeout(stop, PATIENCE_MS)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise((resolve) => {
      socket.once('secureConnect', () => {
        const spki = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
        const isSame = spki !== undefined && fingerprintOf(spki) === fingerprint
        resolve(isSame ? socket.alpnProtocol === RELAY_ALPN : undefined)
      })
      // One that knows other protocols only refuses with an alert.
      socket.once('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' ? false : undefined),
      )
      socket.once('close', () => resolve(undefined))
    })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    socket.on('error', () => {})
    socket.destroy()
  }
}

/** ADR 14: how a TLS connection to the control port says that it is the relay's. */
const RELAY_ALPN = 'msg-relay/1'
const PATIENCE_MS = 2_000
