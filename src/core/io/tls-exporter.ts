import type { TLSSocket } from 'node:tls'
import { EXPORTER } from '../control/device-proof.ts'

/** What both ends of one TLS connection know, and nobody else: a device signs it to sign in there. */
export const exporterOf = (socket: TLSSocket): Uint8Array =>
  socket.exportKeyingMaterial(EXPORTER.length, EXPORTER.label, Buffer.alloc(0))
