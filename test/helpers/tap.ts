import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'

interface Sockets {
  readonly door: Socket
  readonly leg: Socket
  readonly elsewhere: Socket
}

/** Somebody on the way between a dialer and a target who keeps every datagram and can send it again. In this process, without delay. */
export class Tap {
  readonly kept: Array<{ readonly to: 'target' | 'dialer'; readonly payload: Buffer }> = []
  /** What the dialer sees, what the target sees, and an address that nobody knows. */
  readonly #sockets: Sockets
  readonly #target: SocketAddress
  #dialer: SocketAddress | undefined
  /** Bytes that came to the address that nobody knows. */
  answered = 0

  private constructor(sockets: Sockets, target: SocketAddress) {
    this.#sockets = sockets
    this.#target = target
    const { door, leg, elsewhere } = sockets
    door.on('message', (payload, { address, port }) => {
      this.#dialer = { host: address, port }
      this.kept.push({ to: 'target', payload })
      leg.send(payload, target.port, target.host)
    })
    leg.on('message', (payload) => {
      this.kept.push({ to: 'dialer', payload })
      door.send(payload, this.#dialer!.port, this.#dialer!.host)
    })
    elsewhere.on('message', (payload) => (this.answered += payload.byteLength))
  }

  static async open(target: SocketAddress): Promise<Tap> {
    const [door, leg, elsewhere] = await Promise.all([bound(), bound(), bound()])
    return new Tap({ door: door!, leg: leg!, elsewhere: elsewhere! }, target)
  }

  get address(): SocketAddress {
    const { address, port } = this.#sockets.door.address()
    return { host: address, port }
  }

  /** Sends everything again that was kept so far, in its order, from where it came from or from an address that nobody knows. */
  async replay(from: 'there' | 'elsewhere'): Promise<number> {
    const { door, leg, elsewhere } = this.#sockets
    const all = [...this.kept]
    for (const [i, { to, payload }] of all.entries()) {
      const { host, port } = to === 'target' ? this.#target : this.#dialer!
      const socket = from === 'elsewhere' ? elsewhere : to === 'target' ? leg : door
      await new Promise((resolve) => socket.send(payload, port, host, resolve))
      // Slower than the receiver reads, so that its socket drops none of them.
      if (i % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return all.length
  }

  close(): void {
    for (const socket of Object.values(this.#sockets)) socket.close()
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
