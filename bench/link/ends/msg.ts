import { createHash } from 'node:crypto'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { UdpEndpoint } from '../../../src/core/io/link-endpoint.ts'
import type { Link, LinkListener, PeerIdentity, SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import { CHUNK, type EndOptions, type Load, type Receiver, type Sender } from './end.ts'
import { Meter, wallMicros } from './meter.ts'

/** A receiver of this project's link. */
export async function listen(options: EndOptions): Promise<Receiver> {
  const endpoint = await bind(options, 'answerer')
  const meter = new Meter()
  const latencies: number[] = []
  const streams = new Map<number, Buffer | 'file'>()
  endpoint.expect(identity(options.seeds.dialer), {
    ...SILENT,
    onData: (_link, stream, bytes) => {
      meter.add(bytes.byteLength)
      const held = streams.get(stream) ?? (bytes[0] === CHAT ? Buffer.alloc(0) : 'file')
      if (held === 'file') streams.set(stream, held)
      else streams.set(stream, readMessages(Buffer.concat([held, bytes]), latencies))
    },
  })
  return { address: endpoint.address, meter, latencies, close: () => endpoint.close() }
}

/** @throws when the link does not open. */
export async function dial(options: EndOptions, to: SocketAddress): Promise<Sender> {
  const endpoint = await bind(options, 'dialer')
  let onWritable = (_stream: number): void => {}
  const link = await new Promise<Link>((resolve, reject) => {
    endpoint.connect(identity(options.seeds.answerer), [to], {
      ...SILENT,
      onOpen: resolve,
      onWritable: (_link, stream) => onWritable(stream),
      onClosed: (_link, { kind, reason }) => reject(new Error(`the link closed: ${kind}, ${reason}`)),
    })
  })
  return {
    send: async ({ bytes = Infinity, seconds = Infinity, chat = false }: Load) => {
      const stopChat = chat ? startChat(link) : () => {}
      const file = link.openStream(FILE_PRIORITY)
      await new Promise<void>((done) => {
        const deadline = wallMicros() + seconds * 1_000_000
        let left = bytes
        const fill = (): void => {
          while (left > 0 && wallMicros() < deadline && link.state === 'open') {
            const chunk = left < CHUNK.byteLength ? CHUNK.subarray(0, left) : CHUNK
            const taken = link.write(file, chunk)
            left -= taken
            if (taken < chunk.byteLength) return
          }
          done()
        }
        onWritable = (stream) => stream === file && fill()
        fill()
        if (seconds < Infinity) setTimeout(done, seconds * 1_000)
      })
      stopChat()
    },
    stats: () => link.stats(),
    close: () => endpoint.close(),
  }
}

function startChat(link: Link): () => void {
  const stream = link.openStream(CHAT_PRIORITY)
  const timer = setInterval(() => {
    const message = Buffer.alloc(MESSAGE_LENGTH, CHAT)
    message.writeDoubleLE(wallMicros(), 8)
    link.write(stream, message)
  }, CHAT_GAP_MS)
  return () => clearInterval(timer)
}

/** @returns what is left of an unfinished message. */
function readMessages(bytes: Buffer, latencies: number[]): Buffer {
  let offset = 0
  for (; offset + MESSAGE_LENGTH <= bytes.byteLength; offset += MESSAGE_LENGTH) {
    latencies.push(wallMicros() - bytes.readDoubleLE(offset + 8))
  }
  return bytes.subarray(offset)
}

function bind(
  { host, seeds, congestion, maxDatagramSize }: EndOptions,
  side: 'dialer' | 'answerer',
): Promise<UdpEndpoint> {
  const local = { key: deviceKey(seeds[side]).noise, instance: identity(seeds[side]).instance }
  const options = {
    local,
    host,
    ...(congestion && { congestion }),
    ...(maxDatagramSize !== undefined && { maxDatagramSize }),
  }
  return UdpEndpoint.bind(options)
}

const identity = (seed: Uint8Array): PeerIdentity => ({
  instance: createHash('sha256').update(seed).digest('hex').slice(0, 32),
  key: deviceKey(seed).noise.publicKey,
})

const SILENT: LinkListener = { onOpen: () => {}, onData: () => {}, onWritable: () => {}, onClosed: () => {} }
/** First byte of a chat message; a file's chunks are zeros. */
const CHAT = 1
const MESSAGE_LENGTH = 100
const CHAT_GAP_MS = 100
const CHAT_PRIORITY = 1
const FILE_PRIORITY = 2
