import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { decodeRpc, encodeError, encodeResult, invalidParams, malformed, toRpcError } from '../control/rpc.ts'
import { MAX_LINE } from '../control/methods.ts'
import { MsgError } from '../errors.ts'
import { LineConnection } from '../io/line-connection.ts'
import { ADMIN_METHODS, type AdminMethod } from './admin-methods.ts'
import type { ServerAdmin } from './api.ts'

/** The socket in the data directory through which this machine's owner of it talks to the server. */
export class AdminSocket {
  readonly path: string
  readonly #server: Server
  readonly #connections = new Set<LineConnection>()
  readonly #admin: ServerAdmin

  private constructor(path: string, server: Server, admin: ServerAdmin) {
    this.path = path
    this.#server = server
    this.#admin = admin
    server.on('connection', (socket) => this.#accept(socket))
  }

  /**
   * @param dataDir - held by this process, so that a socket left there is nobody's.
   * @throws MSG_ERR_DIRECTORY_ACCESS
   */
  static async listen(dataDir: string, admin: ServerAdmin): Promise<AdminSocket> {
    const path = socketPath(dataDir)
    const socket = new AdminSocket(path, createServer(), admin)
    if (process.platform !== 'win32') rmSync(path, { force: true })
    await new Promise<void>((resolve, reject) => {
      socket.#server.once('error', reject)
      socket.#server.listen(path, resolve)
    }).catch((cause: Error) => {
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path}: ${cause.message}`, cause })
    })
    if (process.platform !== 'win32') chmodSync(path, 0o600)
    return socket
  }

  /** Lets those connected read their last answers, and removes the socket. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const connection of this.#connections) connection.end()
    await closed
    if (dirname(this.path).startsWith(join(tmpdir(), PREFIX)))
      rmSync(dirname(this.path), { recursive: true, force: true })
  }

  #accept(socket: Socket): void {
    const connection: LineConnection = new LineConnection(socket, MAX_LINE, {
      handleLine: (line) => void this.#handle(connection, line),
      handleBroken: (error) => {
        connection.send(encodeError(null, malformed(error)))
        connection.end()
      },
      handleClosed: () => void this.#connections.delete(connection),
    })
    this.#connections.add(connection)
  }

  async #handle(connection: LineConnection, line: string): Promise<void> {
    const message = decodeRpc(line)
    if (message.kind === 'invalid') connection.send(encodeError(message.id, message.error))
    if (message.kind !== 'request') return
    const { id, method } = message
    try {
      if (!isAdminMethod(method)) throw new MsgError('MSG_ERR_METHOD_UNKNOWN', { detail: JSON.stringify(method) })
      const params = v.safeParse(ADMIN_METHODS[method], message.params)
      if (!params.success) {
        connection.send(encodeError(id, invalidParams(params.issues[0].message)))
        return
      }
      connection.send(encodeResult(id, (await this.#answer(method, params.output)) ?? {}))
    } catch (error) {
      connection.send(encodeError(id, toRpcError(error)))
    }
  }

  #answer(method: AdminMethod, params: { readonly connected?: boolean; readonly room?: string }): unknown {
    switch (method) {
      case 'users':
        return this.#admin.users({ connected: params.connected ?? false })
      case 'members':
        return this.#admin.members(params.room ?? '')
      case 'stop':
        // The answer goes out with everything else that is written before the sockets close.
        setImmediate(() => void this.#admin.stop())
        return {}
      default:
        return this.#admin[method]()
    }
  }
}

/** A socket's path has about 107 bytes on Linux: a longer one moves to a private directory of its own. */
function socketPath(dataDir: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\msg-${Buffer.from(dataDir).toString('hex').slice(-200)}`
  const path = join(dataDir, 'admin.sock')
  return Buffer.byteLength(path) <= MAX_PATH ? path : join(mkdtempSync(join(tmpdir(), PREFIX)), 'admin.sock')
}

function isAdminMethod(name: string): name is AdminMethod {
  return Object.hasOwn(ADMIN_METHODS, name)
}

const MAX_PATH = 100
const PREFIX = 'msg-admin-'
