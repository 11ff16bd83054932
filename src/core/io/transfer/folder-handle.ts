import { closeSync, constants, existsSync, fstatSync, lstatSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { MsgError } from '../../errors.ts'

/**
 * A folder that is held open, so that what it names stays the same whatever becomes of its path.
 *
 * On Linux paths inside go through `/proc/self/fd`, as `openat` would: a folder above that is moved away or replaced by a symlink
 * meanwhile leads nobody elsewhere. Other systems give Node no such way; there the folder is compared with the one that was opened
 * before each use, which leaves a moment for whoever may write into the folder above. Valid in all threads of the process.
 */
export class FolderHandle {
  /** For people; not for use. */
  readonly path: string
  readonly fd: number
  readonly #base: string
  readonly #inode: number

  private constructor(path: string, flags: number) {
    this.path = path
    this.fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | flags)
    this.#inode = fstatSync(this.fd).ino
    this.#base = HAS_PROC ? `/proc/self/fd/${this.fd}` : path
  }

  /** Opens the folder at `path`, following symlinks in it: the user's own choice. Makes it when it does not exist. */
  static top(path: string): FolderHandle {
    mkdirSync(path, { recursive: true })
    return new FolderHandle(path, 0)
  }

  /**
   * Opens the folder `name` inside; made for this user alone when it does not exist.
   *
   * @throws MSG_ERR_DIRECTORY_ACCESS when it is a symlink, no folder or another user's.
   */
  child(name: string): FolderHandle {
    const path = this.at(name)
    try {
      mkdirSync(path, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    let folder: FolderHandle
    try {
      folder = new FolderHandle(path, NO_FOLLOW)
    } catch (cause) {
      if (!['ELOOP', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${join(this.path, name)} is no folder`, cause })
    }
    if (isForeign(fstatSync(folder.fd).uid)) {
      folder.close()
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${join(this.path, name)} belongs to somebody else` })
    }
    return folder
  }

  /**
   * A path for `name`, one component, inside this folder.
   *
   * @throws MSG_ERR_DIRECTORY_ACCESS when the folder is not at its place any more, where that cannot be ruled out.
   */
  at(name: string): string {
    if (!HAS_PROC && lstatSync(this.path).ino !== this.#inode)
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${this.path} was replaced` })
    return `${this.#base}/${name}`
  }

  close(): void {
    closeSync(this.fd)
  }
}

function isForeign(uid: number): boolean {
  return process.getuid !== undefined && uid !== process.getuid()
}

/** Windows has no such flag. */
export const NO_FOLLOW = constants.O_NOFOLLOW ?? 0
const HAS_PROC = process.platform === 'linux' && existsSync('/proc/self/fd')
