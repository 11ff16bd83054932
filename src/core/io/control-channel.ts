import type { TLSSocket } from 'node:tls'
import * as v from 'valibot'
import {
  MAX_LINE,
  METHODS,
  NOTIFICATIONS,
  type Method,
  type Notification,
  type NotificationParams,
  type ParamsInput,
  type Result,
} from '../control/methods.ts'
import { decodeRpc, encodeRequest } from '../control/rpc.ts'
import { MsgError } from '../errors.ts'
import { LineSplitter } from '../wire/lines.ts'
import { exporterOf } from './tls-exporter.ts'
import { dialTls, why, type TlsDialOptions } from './tls-dial.ts'

/** A notification as the server sent it, validated. */
export type ServerNotification = {
  [N in Notification]: { readonly method: N; readonly params: NotificationParams<N> }
}[Notification]

/** What {@link dialControl} takes. */
export interface ControlChannelOptions extends TlsDialOptions {
  /** @default 30,000 */
  readonly requestTimeoutMs?: number
  readonly onNotification: (notification: ServerNotification) => void
  /** The connection is over: once, and never when the dial failed. */
  readonly onClosed: (reason: MsgError) => void
}

/** The control channel as its users see it; the fake implements it too. */
export interface ControlChannel {
  /** SPKI-SHA256 of the server's certificate. */
  readonly fingerprint: string
  /** The IP address that the connection reached. */
  readonly remoteHost: string
  /** The TLS exporter value that a device signs to sign in. @throws MSG_ERR_CONNECTION_CLOSED */
  exporter(): Uint8Array
  /** @throws what the server answered; MSG_ERR_TIMEOUT, MSG_ERR_CONNECTION_CLOSED, MSG_ERR_LIMIT, MSG_ERR_PROTOCOL */
  request<M extends Method>(method: M, params: ParamsInput<M>): Promise<Result<M>>
  /** Ends the connection after what was written. */
  close(): void
  destroy(reason?: string): void
}

/**
 * Opens a control channel: TLS 1.3, then the check of the server's key, then nothing until a request is made.
 *
 * @throws MSG_ERR_SERVER_UNREACHABLE, MSG_ERR_CANCELLED, and whatever `verify` throws.
 */
export async function dialControl(options: ControlChannelOptions): Promise<ControlChannel> {
  const { socket, fingerprint } = await dialTls(options)
  return new TlsControlChannel(socket, fingerprint, options)
}

class TlsControlChannel implements ControlChannel {
  readonly fingerprint: string
  readonly remoteHost: string
  readonly #socket: TLSSocket
  readonly #options: ControlChannelOptions
  readonly #lines = new LineSplitter(MAX_LINE)
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #end: MsgError | undefined
  #isPumping = false

  constructor(socket: TLSSocket, fingerprint: string, options: ControlChannelOptions) {
    this.#socket = socket
    this.#options = options
    this.fingerprint = fingerprint
    this.remoteHost = socket.remoteAddress ?? options.address.host
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEPALIVE_MS)
    socket.on('data', (chunk: Buffer) => {
      this.#lines.handleBytes(chunk)
      if (!this.#isPumping) this.#pump()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => this.#finish(closed(why(error))))
    socket.on('close', () => this.#finish(closed('the server closed it')))
  }

  exporter(): Uint8Array {
    if (this.#end || this.#socket.destroyed) throw this.#end ?? closed('it was lost')
    return exporterOf(this.#socket)
  }

  request<M extends Method>(method: M, params: ParamsInput<M>): Promise<Result<M>> {
    if (this.#end) return Promise.reject(this.#end)
    if (this.#pending.size >= MAX_PENDING)
      return Promise.reject(new MsgError('MSG_ERR_LIMIT', { detail: `${MAX_PENDING} requests wait for an answer` }))
    const line = encodeRequest(this.#nextId, method, params)
    if (Buffer.byteLength(line) > MAX_LINE)
      return Promise.reject(new MsgError('MSG_ERR_LIMIT', { detail: `a line holds at most ${MAX_LINE} bytes` }))
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        reject(new MsgError('MSG_ERR_TIMEOUT', { detail: `the server did not answer ${method}` }))
      }, this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS)
      this.#pending.set(id, { method, timer, reject, resolve: resolve as (value: unknown) => void })
      this.#socket.write(line)
    })
  }

  close(): void {
    this.#socket.end()
    // A server that does not close its side is not waited for.
    setTimeout(() => this.#socket.destroy(), CLOSE_MS).unref()
  }

  destroy(reason?: string): void {
    this.#socket.destroy(reason === undefined ? undefined : new Error(reason))
  }

  /** Hands out lines; after an answer it lets whoever waited for it go on first, so that what follows finds their state in place. */
  #pump(): void {
    this.#isPumping = false
    try {
      for (let line = this.#lines.pollLine(); line !== undefined; line = this.#lines.pollLine()) {
        if (!this.#handleLine(line)) continue
        this.#isPumping = true
        this.#socket.pause()
        setImmediate(() => {
          this.#socket.resume()
          this.#pump()
        })
        return
      }
    } catch (error) {
      this.#finish(MsgError.of(error))
      this.#socket.destroy()
    }
  }

  /** @returns true when it was an answer. */
  #handleLine(line: string): boolean {
    const message = decodeRpc(line)
    if (message.kind === 'notification') {
      this.#notify(message.method, message.params)
      return false
    }
    if (message.kind !== 'result' && message.kind !== 'error')
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'the server sent something that is no answer' })
    if (message.id === null) {
      if (message.kind === 'error') throw message.error
      return false
    }
    const pending = this.#pending.get(Number(message.id))
    if (!pending) return false
    this.#pending.delete(Number(message.id))
    clearTimeout(pending.timer)
    if (message.kind === 'error') pending.reject(message.error)
    else {
      const result = v.safeParse(METHODS[pending.method].result, message.result)
      if (result.success) pending.resolve(result.output)
      else
        pending.reject(
          new MsgError('MSG_ERR_PROTOCOL', { detail: `the answer to ${pending.method}: ${result.issues[0].message}` }),
        )
    }
    return true
  }

  #notify(method: string, params: unknown): void {
    // A newer server may tell more than this build knows.
    if (!Object.hasOwn(NOTIFICATIONS, method)) return
    const parsed = v.safeParse(NOTIFICATIONS[method as Notification], params)
    if (!parsed.success) throw new MsgError('MSG_ERR_PROTOCOL', { detail: `${method}: ${parsed.issues[0].message}` })
    this.#options.onNotification({ method, params: parsed.output } as ServerNotification)
  }

  #finish(reason: MsgError): void {
    if (this.#end) return
    this.#end = reason
    for (const { timer, reject } of this.#pending.values()) {
      clearTimeout(timer)
      reject(reason)
    }
    this.#pending.clear()
    this.#options.onClosed(reason)
  }
}

interface Pending {
  readonly method: Method
  readonly timer: NodeJS.Timeout
  readonly resolve: (value: unknown) => void
  readonly reject: (error: MsgError) => void
}

const closed = (detail: string): MsgError => new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail })

/** Requests that may wait for an answer at a time: far more than a person makes; bounds memory when the server hangs. */
const MAX_PENDING = 256
/** Sign-ins queue for argon2id at the server, so this is generous. */
const REQUEST_TIMEOUT_MS = 30_000
/** First probe of a silent connection; NAT tables forget TCP after minutes at the earliest. */
const KEEPALIVE_MS = 15_000
/** How long a graceful end may take. */
const CLOSE_MS = 1_000
