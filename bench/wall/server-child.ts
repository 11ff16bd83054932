/** A server in a process of its own, for benchmarks: forked with options as JSON, asked for its memory by any message. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServer } from '../../src/core/index.ts'
import type { ServerOptions } from '../../src/core/server/api.ts'

/** Handle on the forked server. */
export interface ServerChild {
  readonly port: number
  usage(): Promise<NodeJS.MemoryUsage>
  /** Stops it and deletes its data. */
  close(): Promise<void>
}

/** Starts the server in a temporary directory. */
export async function startServerChild(options: ServerOptions): Promise<ServerChild> {
  const dataDir = mkdtempSync(join(tmpdir(), 'msg-bench-'))
  const argument = JSON.stringify({ dataDir, host: '127.0.0.1', port: 0, ...options })
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [argument], { execArgv: process.execArgv })
  const next = async <T>(): Promise<T> => ((await once(child, 'message')) as [T])[0]
  const { port } = await next<{ port: number }>()
  return {
    port,
    usage: () => {
      child.send('usage')
      return next()
    },
    async close() {
      child.disconnect()
      await once(child, 'exit')
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await createServer(JSON.parse(process.argv[2] ?? '{}') as ServerOptions)
  process.on('message', () => process.send?.({ ...process.memoryUsage() }))
  process.on('disconnect', () => void server.close())
  process.send({ port: server.address.port })
}
