import type { Dirent } from 'node:fs'
import { lstat, opendir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { MsgError } from 'msg-cli/plugin'
import type { Item } from './protocol.ts'

/** One page of a folder. */
export interface Page {
  readonly items: Item[]
  /** The last name of this page, when there are more. */
  readonly next: string | null
}

/**
 * The files and folders below one directory, as people see them.
 *
 * Hidden names, at any depth, and what is neither file nor folder are not there; neither is what a symlink leads to outside of the directory.
 */
export class Shelf {
  /** Without symlinks. */
  readonly root: string

  private constructor(root: string) {
    this.root = root
  }

  /** @throws MSG_ERR_CONFIG_INVALID when it is no directory that can be read. */
  static async open(path: string): Promise<Shelf> {
    try {
      const root = await realpath(path)
      await (await opendir(root)).close()
      return new Shelf(root)
    } catch (cause) {
      const { code = 'unknown' } = cause as NodeJS.ErrnoException
      throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail: `--files ${path} cannot be read (${code})`, cause })
    }
  }

  /**
   * A page of a folder, by name. Of folders with more than {@link MAX_NAMES} names the first so many that the system tells of are there.
   *
   * @param folder - '' is the root. @throws MSG_ERR_FILE_UNKNOWN
   */
  async list(folder: string, after = ''): Promise<Page> {
    const top = folder === '' ? this.root : await this.find(folder)
    const names = (await this.#names(top, folder)).filter((name) => name > after).sort(byUnits)
    const items: Item[] = []
    let bytes = 0
    for (const [at, name] of names.entries()) {
      const item = await this.#describe(join(top, name), name)
      if (item === undefined) continue
      items.push(item)
      bytes += Buffer.byteLength(JSON.stringify(item))
      if (bytes >= PAGE_BYTES || items.length >= PAGE_ITEMS) return { items, next: at < names.length - 1 ? name : null }
    }
    return { items, next: null }
  }

  /**
   * Where something on the shelf is on the disk, free of symlinks.
   *
   * @param path - names separated by `/`. @throws MSG_ERR_FILE_UNKNOWN for what is not there, is hidden, or lies outside
   */
  async find(path: string): Promise<string> {
    const unknown = new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: path })
    const names = path.split('/')
    if (!names.every(isShown)) throw unknown
    const real = await realpath(join(this.root, ...names)).catch(() => {
      throw unknown
    })
    // What a symlink leads to is judged by where it is.
    if (!isBelow(this.root, real)) throw unknown
    const stats = await lstat(real)
    if (!stats.isFile() && !stats.isDirectory()) throw unknown
    return real
  }

  async #names(top: string, folder: string): Promise<string[]> {
    const names: string[] = []
    try {
      for await (const entry of await opendir(top, { bufferSize: READ_AT_ONCE })) {
        if (isShown(entry.name) && isPlain(entry)) names.push(entry.name)
        if (names.length >= MAX_NAMES) break
      }
    } catch (cause) {
      throw new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: folder, cause })
    }
    return names
  }

  /** @returns `undefined` for what is not shown, or has gone meanwhile. */
  async #describe(path: string, name: string): Promise<Item | undefined> {
    try {
      const real = await realpath(path)
      if (!isBelow(this.root, real)) return undefined
      const stats = await stat(real)
      const modified = new Date(stats.mtimeMs).toISOString()
      if (stats.isFile()) return { name, kind: 'file', size: stats.size, modified }
      return stats.isDirectory() ? { name, kind: 'folder', size: null, modified } : undefined
    } catch {
      return undefined
    }
  }
}

/** False for hidden names and for what is no name of one file: parents, the empty one, what names another place or cannot be spelled. */
function isShown(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0\ufffd]/u.test(name) && Buffer.byteLength(name) <= MAX_NAME
}

function isPlain(entry: Dirent): boolean {
  return entry.isFile() || entry.isDirectory() || entry.isSymbolicLink()
}

/** True when `path` lies below `root` and no name on the way is hidden. Both without symlinks. */
function isBelow(root: string, path: string): boolean {
  const prefix = root.endsWith(sep) ? root : `${root}${sep}`
  return path.startsWith(prefix) && path.slice(prefix.length).split(sep).every(isShown)
}

const byUnits = (a: string, b: string): number => (a < b ? -1 : 1)

/** Names of a folder that are looked at: what a listing may hold in memory. */
export const MAX_NAMES = 100_000
/** A page fits one line of the control channel, whatever its names are made of. */
const PAGE_ITEMS = 200
const PAGE_BYTES = 32_768
/** Bytes of the longest name of a file. */
const MAX_NAME = 255
const READ_AT_ONCE = 256
