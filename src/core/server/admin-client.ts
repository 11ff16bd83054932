import { connect, type Socket } from 'node:net'
import { decodeRpc, encodeRequest } from '../control/rpc.ts'
import { MsgError } from '../errors.ts'
import { LineConnection } from '../io/line-connection.ts'
import { MAX_ADMIN_LINE, type AdminMethod } from './admin-methods.ts'
import type { AdminClient, ServerRelays, ServerRoom, ServerSession, ServerStatus, ServerUser } from './api.ts'
import { readRunningServer } from './data-dir.ts'
import { resolveDataDir } from './options.ts'

/**
 * Connects to the server that holds a data directory.
 *
 * @param options.dataDir - @default as for {@link createServer}
 * @throws MSG_ERR_SERVER_NOT_RUNNING
 */
export async function connectAdmin(options: { readonly dataDir?: string } = {}): Promise<AdminClient> {
  const dataDir = resolveDataDir(options.dataDir)
  const running = readRunningServer(dataDir)
  const socket = running && (await connected(running.admin))
  if (!socket) throw new MsgError('MSG_ERR_SERVER_NOT_RUNNING', { detail: dataDir })
  return new SocketAdmin(socket)
}

class SocketAdmin implements AdminClient {
  readonly #connection: LineConnection
  readonly #pending = new Map<number, { resolve: (result: never) => void; reject: (error: MsgError) => void }>()
  #lastId = 0
  #isClosed = false

  constructor(socket: Socket) {
    this.#connection = new LineConnection(socket, MAX_ADMIN_LINE, {
      handleLine: (line) => this.#handle(line),
      handleBroken: () => this.#connection.destroy(),
      handleClosed: () => this.#fail(),
    })
  }

  users(options: { connected?: boolean } = {}): Promise<ServerUser[]> {
    return this.#ask('users', { connected: options.connected ?? false })
  }

  sessions(): Promise<ServerSession[]> {
    return this.#ask('sessions')
  }

  rooms(): Promise<ServerRoom[]> {
    return this.#ask('rooms')
  }

  members(room: string): Promise<{ room: string; owner: string; members: Array<{ user: string; present: boolean }> }> {
    return this.#ask('members', { room })
  }

  relays(): Promise<ServerRelays> {
    return this.#ask('relays')
  }

  status(): Promise<ServerStatus> {
    return this.#ask('status')
  }

  async stop(): Promise<void> {
    await this.#ask('stop')
  }

  close(): void {
    this.#connection.destroy()
  }

  #ask<T>(method: AdminMethod, params: object = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#isClosed) {
        reject(gone())
        return
      }
      this.#pending.set(++this.#lastId, { resolve, reject })
      this.#connection.send(encodeRequest(this.#lastId, method, params))
    })
  }

  #handle(line: string): void {
    const message = decodeRpc(line)
    if (message.kind !== 'result' && message.kind !== 'error') return
    const pending = this.#pending.get(Number(message.id))
    this.#pending.delete(Number(message.id))
    if (message.kind === 'result') pending?.resolve(message.result as never)
    else pending?.reject(message.error)
  }

  #fail(): void {
    this.#isClosed = true
    for (const { reject } of this.#pending.values()) reject(gone())
    this.#pending.clear()
  }
}

function gone(): MsgError {
  return new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'the server stopped' })
}

/** The socket, or `undefined` when nobody listens there. */
function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', () => resolve(undefined))
  })
}
