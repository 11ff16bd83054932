import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { fingerprintOf } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import { formatAddress, type HostPort } from '../wire/address.ts'

/** What else the server's certificate says. */
export interface ServerCertificate {
  /** From when to when it holds, milliseconds of the wall clock. */
  readonly validFrom: number
  readonly validTo: number
}

/** What {@link dialTls} takes. */
export interface TlsDialOptions {
  readonly address: HostPort
  /** Sees the SPKI-SHA256 fingerprint before one byte is written; throws to refuse it. */
  readonly verify: (fingerprint: string, certificate?: ServerCertificate) => void
  /** PEM of a CA that must have signed the server's certificate. */
  readonly ca?: string
  readonly signal?: AbortSignal
  /** @default 10,000 */
  readonly connectTimeoutMs?: number
  /** What is to be spoken (ALPN). @default nothing is said of it */
  readonly protocol?: string
}

/**
 * Connects to a server: TLS 1.3, then the check of its key. Nothing listens on the socket.
 *
 * @throws MSG_ERR_SERVER_UNREACHABLE, MSG_ERR_CANCELLED, and whatever `verify` throws.
 */
export async function dialTls(options: TlsDialOptions): Promise<{ socket: TLSSocket; fingerprint: string }> {
  const { address, ca, signal, connectTimeoutMs = 10_000, protocol } = options
  if (signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'connecting' })
  const socket = connect({
    host: address.host,
    port: address.port,
    minVersion: 'TLSv1.3',
    ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    ...(isIP(address.host) ? {} : { servername: address.host }),
    // Without a CA the pinned key, checked below, is what the server is known by.
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
  })
  let cancel: (() => void) | undefined
  const deadline = setTimeout(() => socket.destroy(new Error('timed out')), connectTimeoutMs)
  try {
    await new Promise<void>((resolve, reject) => {
      cancel = () => reject(new MsgError('MSG_ERR_CANCELLED', { detail: 'connecting' }))
      signal?.addEventListener('abort', cancel, { once: true })
      const onClosed = (): void => reject(new Error('the connection was closed'))
      socket.once('error', reject)
      socket.once('close', onClosed)
      socket.once('secureConnect', () => {
        // From here on both are the caller's; the socket's own listeners stay.
        socket.off('error', reject)
        socket.off('close', onClosed)
        resolve()
      })
    })
    const certificate = socket.getPeerX509Certificate()
    if (!certificate) throw new Error('no certificate')
    const fingerprint = fingerprintOf(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    const { validFrom, validTo } = certificate
    options.verify(fingerprint, { validFrom: Date.parse(validFrom), validTo: Date.parse(validTo) })
    return { socket, fingerprint }
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    if (MsgError.is(error)) throw error
    throw unreachable(address, error as NodeJS.ErrnoException)
  } finally {
    clearTimeout(deadline)
    if (cancel) signal?.removeEventListener('abort', cancel)
  }
}

function unreachable(address: HostPort, error: NodeJS.ErrnoException): MsgError {
  return new MsgError('MSG_ERR_SERVER_UNREACHABLE', {
    detail: `${formatAddress(address)} (${why(error)})`,
    cause: error,
  })
}

/** What a person understands of a socket's error. */
export function why(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? error.message
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the other side broke the connection',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to that host',
  ENETUNREACH: 'no network',
  EPIPE: 'the other side closed the connection',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what listens there does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what listens there does not speak TLS',
}
