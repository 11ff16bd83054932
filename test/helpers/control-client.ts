import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { deviceKey, type DeviceKey } from '../../src/core/crypto/device-key.ts'
import { newInstance, proveDevice, type DeviceProof } from '../../src/core/control/device-proof.ts'
import {
  CONTROL_PROTOCOL,
  type Method,
  type Notification,
  type NotificationParams,
  type ParamsInput,
  type Result,
} from '../../src/core/control/methods.ts'
import { decodeRpc, encodeRequest } from '../../src/core/control/rpc.ts'
import { exporterOf } from '../../src/core/io/tls-exporter.ts'
import type { MsgError } from '../../src/core/errors.ts'
import { LineSplitter } from '../../src/core/wire/lines.ts'

/** One notification as it came. */
export interface Told {
  readonly method: Notification
  readonly params: Record<string, unknown>
}

/** A control connection without any of the client's cleverness: what is asked is asked, what is told is kept. */
export class ControlClient {
  readonly socket: TLSSocket
  readonly instance: string
  readonly key: DeviceKey
  readonly told: Told[] = []
  /** Resolves when the connection is over. */
  readonly closed: Promise<unknown>
  readonly #pending = new Map<number, { resolve: (result: never) => void; reject: (error: unknown) => void }>()
  readonly #waiting = new Set<() => void>()
  readonly #lines = new LineSplitter(1 << 20)
  #lastId = 0

  private constructor(socket: TLSSocket, instance: string, key: DeviceKey) {
    this.socket = socket
    this.instance = instance
    this.key = key
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#pending.values()) reject(new Error('the connection closed'))
        this.#wake()
        resolve(undefined)
      })
    })
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      this.#lines.handleBytes(bytes)
      for (let line = this.#lines.pollLine(); line !== undefined; line = this.#lines.pollLine()) this.#handle(line)
      this.#wake()
    })
  }

  static async connect(
    port: number,
    given: { instance?: string; key?: DeviceKey; hello?: boolean } = {},
  ): Promise<ControlClient> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, minVersion: 'TLSv1.3' })
    const key = given.key ?? deviceKey(randomBytes(32))
    const client = new ControlClient(socket, given.instance ?? newInstance(key.publicKey), key)
    await Promise.race([once(socket, 'secureConnect'), client.closed])
    if (socket.destroyed) throw new Error('the server closed the connection')
    if (given.hello !== false) await client.ask('hello', { protocol: CONTROL_PROTOCOL, agent: 'test' })
    return client
  }

  get device(): string {
    return Buffer.from(this.key.publicKey).toString('base64url')
  }

  ask<M extends Method>(method: M, params: ParamsInput<M>): Promise<Result<M>> {
    const id = ++this.#lastId
    this.socket.write(encodeRequest(id, method, params))
    return new Promise<Result<M>>((resolve, reject) => this.#pending.set(id, { resolve, reject }))
  }

  register(user: string, password = 'secret', listening = true): Promise<Result<'register'>> {
    return this.ask('register', { user, password, listening, ...this.#proof(user) })
  }

  login(user: string, password = 'secret', listening = true): Promise<Result<'login'>> {
    return this.ask('login', { user, password, listening, ...this.#proof(user) })
  }

  loginDevice(user: string, exporter = this.exporter()): Promise<Result<'login.device'>> {
    return this.ask('login.device', { user, listening: true, ...this.#proof(user, exporter) })
  }

  exporter(): Uint8Array {
    return exporterOf(this.socket)
  }

  /** Writes raw bytes, whatever they are. */
  raw(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Errors that came with id null. */
  readonly strayErrors: MsgError[] = []

  /** The first notification of this kind not taken yet, once it is there. */
  async next<N extends Notification>(
    method: N,
    where: Partial<NotificationParams<N>> = {},
  ): Promise<NotificationParams<N>> {
    for (;;) {
      const at = this.told.findIndex(
        (told) => told.method === method && Object.entries(where).every(([key, value]) => told.params[key] === value),
      )
      if (at >= 0) return this.told.splice(at, 1)[0]?.params as NotificationParams<N>
      if (this.socket.destroyed) throw new Error(`the connection closed while waiting for ${method}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Closes as a crash would. */
  destroy(): void {
    this.socket.destroy()
  }

  #proof(user: string, exporter = this.exporter()): DeviceProof {
    return proveDevice(this.key, exporter, user, this.instance)
  }

  #handle(line: string): void {
    const message = decodeRpc(line)
    if (message.kind === 'notification') {
      this.told.push({ method: message.method as Notification, params: message.params as Record<string, unknown> })
    } else if (message.kind === 'result') {
      this.#pending.get(Number(message.id))?.resolve(message.result as never)
    } else if (message.kind === 'error' && message.id === null) {
      this.strayErrors.push(message.error)
    } else if (message.kind === 'error') {
      this.#pending.get(Number(message.id))?.reject(message.error)
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
