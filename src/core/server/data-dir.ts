import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { MsgError } from '../errors.ts'
import { makeDirectory, writeFileAtomically } from '../io/files.ts'
import { FileLock } from '../io/file-lock.ts'

const RunningServer = v.object({
  pid: v.number(),
  startedAt: v.string(),
  host: v.string(),
  port: v.number(),
  udpPort: v.number(),
  fingerprint: v.string(),
  /** Path of the admin socket. */
  admin: v.string(),
})

/** What `server.json` says of the server that holds a data directory. */
export type RunningServer = v.InferOutput<typeof RunningServer>

/** A data directory that this process holds. */
export class DataDir {
  readonly path: string
  readonly #lock: FileLock

  private constructor(path: string, lock: FileLock) {
    this.path = path
    this.#lock = lock
  }

  /**
   * Makes the directory if need be, and takes hold of it.
   *
   * @throws MSG_ERR_DATA_DIR_BUSY, whose detail says who holds it; MSG_ERR_DIRECTORY_ACCESS.
   */
  static open(path: string): DataDir {
    makeDirectory(path)
    const lock = FileLock.acquire(join(path, 'server.lock'))
    if (lock) return new DataDir(path, lock)
    const holder = readRunningServer(path)
    const who = holder ? `process ${holder.pid}, on port ${holder.port} since ${holder.startedAt}` : 'another process'
    throw new MsgError('MSG_ERR_DATA_DIR_BUSY', { detail: `${path} by ${who}` })
  }

  file(name: string): string {
    return join(this.path, name)
  }

  /** Lets others know where the server is. */
  announce(server: RunningServer): void {
    writeFileAtomically(this.file(RUNNING), `${JSON.stringify(server, undefined, 2)}\n`)
  }

  /** Lets go of the directory. */
  close(): void {
    rmSync(this.file(RUNNING), { force: true })
    this.#lock.release()
  }
}

/** What `server.json` in a data directory says; after a crash that may be of a server that is gone. */
export function readRunningServer(path: string): RunningServer | undefined {
  try {
    const read = v.safeParse(RunningServer, JSON.parse(readFileSync(join(path, RUNNING), 'utf8')))
    return read.success ? read.output : undefined
  } catch {
    return undefined
  }
}

const RUNNING = 'server.json'
