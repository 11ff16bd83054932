import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MsgError } from '../../errors.ts'
import { FileLock } from '../file-lock.ts'
import type { DiskThread } from './disk-thread.ts'
import { FolderHandle, NO_FOLLOW } from './folder-handle.ts'

/**
 * `<root>/.msg-partial/<key>`, where a download lies until it lands: flat, files named by their number, so that nothing which
 * a peer chose is part of a path. Locked: one store for one download, in all processes.
 */
export class PartialFolder {
  readonly root: FolderHandle
  readonly folder: FolderHandle
  readonly #above: FolderHandle
  readonly #lock: FileLock
  readonly #key: string
  #isOpen = true

  private constructor(root: FolderHandle, above: FolderHandle, folder: FolderHandle, key: string, lock: FileLock) {
    this.root = root
    this.#above = above
    this.folder = folder
    this.#key = key
    this.#lock = lock
  }

  /**
   * Opens it, or makes it.
   *
   * @param key hexadecimal.
   * @throws MSG_ERR_DIRECTORY_ACCESS when it cannot be made, or is not what this program made; MSG_ERR_TRANSFER_EXISTS when
   * somebody has it open.
   */
  static open(root: string, key: string): PartialFolder {
    if (!KEY.test(key)) throw new MsgError('MSG_ERR_INTERNAL', { detail: 'a key is hexadecimal' })
    const opened: FolderHandle[] = []
    try {
      const top = FolderHandle.top(root)
      opened.push(top)
      const above = top.child(PARTIAL)
      opened.push(above)
      const folder = above.child(key)
      opened.push(folder)
      const lock = FileLock.acquire(folder.at(LOCK))
      if (!lock) throw new MsgError('MSG_ERR_TRANSFER_EXISTS', { detail: `it is being received into ${root} already` })
      return new PartialFolder(top, above, folder, key, lock)
    } catch (cause) {
      for (const handle of opened) handle.close()
      if (MsgError.is(cause)) throw cause
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', {
        detail: `${join(root, PARTIAL)}: ${(cause as Error).message}`,
        cause,
      })
    }
  }

  /** A path for a file of the download. @param entry its index in the manifest. */
  file(entry: number): string {
    return this.folder.at(`f${entry}`)
  }

  /** A path for what is kept beside the files; `.` for the folder itself. */
  at(name: 'blocks' | 'tree' | 'landing' | '.'): string {
    return this.folder.at(name)
  }

  /** What a small file beside holds; empty when there is none, or when it is no plain file. At most `limit` bytes. */
  readBeside(name: 'blocks' | 'landing', limit: number): Buffer {
    try {
      const fd = openSync(this.at(name), constants.O_RDONLY | NO_FOLLOW)
      try {
        const stats = fstatSync(fd)
        return stats.isFile() && stats.size <= limit ? readFileSync(fd) : Buffer.alloc(0)
      } finally {
        closeSync(fd)
      }
    } catch {
      return Buffer.alloc(0)
    }
  }

  /** Name that the content has landed under already, before this program was killed. */
  landedName(): string | undefined {
    try {
      const { name, ino } = JSON.parse(this.readBeside('landing', 4_096).toString()) as { name: string; ino: number }
      const isOne = typeof name === 'string' && !name.includes('/') && lstatSync(this.root.at(name)).ino === ino
      return isOne ? name : undefined
    } catch {
      return undefined
    }
  }

  /** Lets go and leaves everything. Safe to call again. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#lock.release()
    for (const handle of [this.folder, this.#above, this.root]) handle.close()
  }

  /** Deletes the folder with all that is in it, and the one above when it is empty. */
  async remove(disk: DiskThread): Promise<void> {
    if (!this.#isOpen) return
    try {
      while (!(await disk.run('clear', { path: this.folder.at('.'), limit: CLEARED_AT_ONCE })));
      this.#lock.release()
      await disk.run('removeFolder', { path: this.#above.at(this.#key) })
      await disk.run('removeFolder', { path: this.root.at(PARTIAL) })
    } finally {
      this.close()
    }
  }
}

/** Of every download root. */
export const PARTIAL = '.msg-partial'
const LOCK = 'lock'
const KEY = /^[0-9a-f]{1,128}$/
/** Implementation: some 50 ms of the disk thread. */
const CLEARED_AT_ONCE = 4_096
