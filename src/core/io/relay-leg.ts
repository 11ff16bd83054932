import { LEG_PROTOCOL, LegReader } from '../wire/relay-leg.ts'
import { LegWriter } from './leg-writer.ts'
import { dialTls, type TlsDialOptions } from './tls-dial.ts'

/** What {@link dialRelayLeg} takes. */
export interface RelayLegOptions extends Omit<TlsDialOptions, 'protocol'> {
  /** 16 bytes, of the sign-in. */
  readonly token: Uint8Array
  /** A relayed datagram came. */
  readonly onDatagram: (datagram: Uint8Array) => void
  /** It is over, whoever ended it: once, and never when the dial failed. */
  readonly onClosed: () => void
}

/** A way to the server's relay that needs no UDP. */
export interface RelayLeg {
  /** @param datagram - relayed; copied. What the connection does not take now is lost, as over UDP. */
  send(datagram: Uint8Array): void
  close(): void
}

/**
 * Opens a leg of the server's relay, known by the same key or CA as its control channel.
 *
 * @returns `undefined` when the server relays nothing over TLS.
 * @throws MSG_ERR_SERVER_UNREACHABLE, MSG_ERR_CANCELLED, and whatever `verify` throws.
 */
export async function dialRelayLeg(options: RelayLegOptions): Promise<RelayLeg | undefined> {
  const { socket } = await dialTls({ ...options, protocol: LEG_PROTOCOL })
  socket.on('error', () => {})
  if (socket.alpnProtocol !== LEG_PROTOCOL) {
    socket.destroy()
    return undefined
  }
  const reader = new LegReader()
  const writer = new LegWriter(socket)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEPALIVE_MS)
  socket.on('data', (bytes: Buffer) => {
    try {
      reader.handleBytes(bytes)
      for (let one = reader.pollDatagram(); one; one = reader.pollDatagram()) options.onDatagram(one)
    } catch {
      socket.destroy()
    }
  })
  socket.once('close', () => options.onClosed())
  socket.write(options.token)
  return { send: (datagram) => void writer.send(datagram), close: () => void socket.destroy() }
}

/** First probe of a silent connection, milliseconds: as the control channel's. */
const KEEPALIVE_MS = 15_000
