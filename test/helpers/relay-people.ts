import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NotificationParams } from '../../src/core/control/methods.ts'
import type { Server } from '../../src/core/server/api.ts'
import { encodeLegFrame, LEG_PROTOCOL, LegReader } from '../../src/core/wire/relay-leg.ts'
import { decodeResponse, encodeRequest, NO_PROOF } from '../../src/core/wire/rendezvous.ts'
import { ControlClient } from './control-client.ts'

/** A signed-in connection with a UDP socket, and a leg if it opens one: what a client is to the relay, without the client. */
export class RelayPerson {
  readonly client: ControlClient
  readonly user: string
  readonly socket: Socket
  readonly token: Buffer
  /** What came over UDP, but answers of the rendezvous. */
  readonly got: Buffer[] = []
  /** What came over the leg. */
  readonly overLeg: Buffer[] = []
  leg: TLSSocket | undefined
  readonly #server: Server

  private constructor(server: Server, user: string, client: ControlClient, socket: Socket, token: string) {
    this.#server = server
    this.user = user
    this.client = client
    this.socket = socket
    this.token = Buffer.from(token, 'hex')
    socket.on('message', (bytes) => {
      if (bytes[0] !== 0x21) this.got.push(bytes)
    })
  }

  /** @param isSeen - the server knows its UDP socket. */
  static async join(server: Server, user: string, isSeen = true): Promise<RelayPerson> {
    const client = await ControlClient.connect(server.address.port)
    const { udp } = await client.register(user)
    const person = new RelayPerson(server, user, client, await udpSocket(), udp.token)
    if (isSeen) await person.show()
    return person
  }

  /** The same process again, after it lost its connection. */
  static async back(server: Server, { user, client: { instance, key } }: RelayPerson): Promise<RelayPerson> {
    const client = await ControlClient.connect(server.address.port, { instance, key })
    const { udp } = await client.loginDevice(user)
    const person = new RelayPerson(server, user, client, await udpSocket(), udp.token)
    await person.show()
    return person
  }

  /** Tells the server where the socket is, and proves it. */
  async show(socket = this.socket): Promise<void> {
    await this.claim(socket, await this.claim(socket))
  }

  /** Says only that it is there. @returns the proof, which only who is there hears */
  async claim(socket: Socket, proof: Uint8Array = NO_PROOF): Promise<Uint8Array> {
    const answered = new Promise<Uint8Array>((resolve) => {
      const listener = (bytes: Buffer): void => {
        if (bytes[0] !== 0x21) return
        socket.off('message', listener)
        resolve(decodeResponse(bytes)!.proof!)
      }
      socket.on('message', listener)
    })
    this.send(encodeRequest(this.token, proof), socket)
    return await answered
  }

  send(bytes: Uint8Array, socket = this.socket): void {
    socket.send(bytes, this.#server.address.udpPort, '127.0.0.1')
  }

  /** Opens a session with somebody. @returns what this side was told of the other's connection. */
  async meet(other: RelayPerson): Promise<NotificationParams<'peer.introduced'>> {
    await this.client.ask('session.open', { user: other.user })
    await other.client.ask('session.accept', { user: this.user })
    return this.client.next('peer.introduced', { user: other.user })
  }

  /** Dials a leg and says the token. */
  async attach(token: Uint8Array = this.token): Promise<TLSSocket> {
    const leg = await legSocket(this.#server.address.port)
    const reader = new LegReader()
    leg.on('data', (bytes: Buffer) => {
      reader.handleBytes(bytes)
      for (let one = reader.pollDatagram(); one; one = reader.pollDatagram()) this.overLeg.push(Buffer.from(one))
    })
    leg.write(token)
    this.leg = leg
    return leg
  }

  sendOverLeg(datagram: Uint8Array): void {
    this.leg?.write(encodeLegFrame(datagram))
  }

  leave(): void {
    this.client.destroy()
    this.leg?.destroy()
    this.socket.close()
  }
}

/** A socket on loopback. */
export async function udpSocket(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** A TLS connection that asks for the relay. @param protocol - ALPN. */
export async function legSocket(port: number, protocol = LEG_PROTOCOL): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [protocol] })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** Waits until something holds. @throws after five seconds */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`in vain: ${what}`)
    await sleep(5)
  }
}
