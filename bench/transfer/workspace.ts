import { randomFillSync } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A folder on the file system that is measured; gone with {@link close}, or with the process. */
export class Workspace {
  readonly path: string
  /** ext4, tmpfs, … */
  readonly fileSystem: string
  readonly #undo = (): void => rmSync(this.path, { recursive: true, force: true })

  private constructor(path: string, fileSystem: string) {
    this.path = path
    this.fileSystem = fileSystem
    process.once('exit', this.#undo)
  }

  static async make(parent: string): Promise<Workspace> {
    const { type } = await statfs(parent)
    return new Workspace(await mkdtemp(join(parent, 'msg-bench-')), FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`)
  }

  /** An empty folder, deleted after `use`. */
  async within<T>(use: (directory: string) => Promise<T>): Promise<T> {
    const directory = await mkdtemp(join(this.path, 'run-'))
    try {
      return await use(directory)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  /** A file of bytes that nothing compresses, on the disk and in the page cache. @returns its path. */
  async file(name: string, bytes: number): Promise<string> {
    const path = join(this.path, name)
    const file = await open(path, 'wx')
    try {
      const chunk = Buffer.allocUnsafe(CHUNK)
      for (let left = bytes; left > 0; left -= CHUNK) {
        randomFillSync(chunk)
        await file.write(chunk, 0, Math.min(left, CHUNK))
      }
      await file.sync()
    } finally {
      await file.close()
    }
    return path
  }

  /** A folder of `count` files of `bytes` each, a hundred to a folder. @returns its path. */
  async folder(name: string, count: number, bytes: number): Promise<string> {
    const path = join(this.path, name)
    for (let n = 0; n < count; n++) {
      const below = join(path, String(Math.floor(n / 100)))
      if (n % 100 === 0) await mkdir(below, { recursive: true })
      await writeFile(join(below, `${n}.bin`), randomFillSync(Buffer.allocUnsafe(bytes)))
    }
    return path
  }

  close(): void {
    process.off('exit', this.#undo)
    this.#undo()
  }
}

/** `f_type` of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x01021994: 'tmpfs',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x794c7630: 'overlayfs',
}
const CHUNK = 4 * 1_048_576
