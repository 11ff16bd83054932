/**
 * The datagrams of a link on their way through the server's relay, and the ones that open the sender's own router.
 *
 * ```
 * relayed   0x22, channel (8), a datagram of a link
 * opener    0x23, and nothing more
 * ```
 *
 * A channel is named by the server when it introduces two connections to each other, and passes on what comes from one of them to the other,
 * unchanged. An opener is for the routers on its way only: whoever gets it ignores it.
 *
 * @packageDocumentation
 */

/** Wraps `datagram` for the relay. @param channel - 8 bytes in hex. @param target - exactly {@link RELAY_OVERHEAD} bytes longer. */
export function writeRelayed(channel: string, datagram: Uint8Array, target: Uint8Array): void {
  target[0] = RELAYED
  for (let i = 0; i < CHANNEL_SIZE; i++) target[1 + i] = Number.parseInt(channel.slice(2 * i, 2 * i + 2), 16)
  target.set(datagram, RELAY_OVERHEAD)
}

/** The channel, 8 bytes in hex, and the datagram, a view into `bytes`; `undefined` when it is nothing relayed. */
export function readRelayed(
  bytes: Uint8Array,
): { readonly channel: string; readonly datagram: Uint8Array } | undefined {
  if (bytes[0] !== RELAYED || bytes.byteLength <= RELAY_OVERHEAD || bytes.byteLength > MAX_RELAYED) return undefined
  const channel = Buffer.from(bytes.buffer, bytes.byteOffset + 1, CHANNEL_SIZE).toString('hex')
  return { channel, datagram: bytes.subarray(RELAY_OVERHEAD) }
}

/** An opener. */
export const OPENER = Uint8Array.of(0x23)
/** Bytes that the relay's framing adds. */
export const RELAY_OVERHEAD = 9
/** Largest relayed datagram, bytes of UDP payload: what an Ethernet path of 1,500 carries over IPv6. */
export const MAX_RELAYED = 1_452

/** First byte; disjoint from the rendezvous' and from every packet type of a link. */
export const RELAYED = 0x22
const CHANNEL_SIZE = 8
