import { MsgError } from '../errors.ts'
import { fileNameKey, numberedFileName, safeFileName } from '../wire/file-name.ts'
import { MAX_ENTRIES, type Entry } from './manifest.ts'

/**
 * Where one entry of a manifest lands: `folders[folder]` names its folder, `name` it inside.
 * Folder 0 is the transfer's own; each other stands after the one it is in.
 */
export interface LandingName {
  readonly folder: number
  readonly name: string
}

/** The tree that a list of entries becomes. */
export interface LandingTree {
  /** `parent` is an index into this list; of the first, which is the top, -1. */
  readonly folders: ReadonlyArray<{ readonly parent: number; readonly name: string }>
  /** Of each file, at its entry's index; `undefined` for folders. */
  readonly files: ReadonlyArray<LandingName | undefined>
}

/**
 * Gives every entry a safe place of its own below one folder, whatever the sender called it.
 *
 * Components become safe file names, `.`, `..` and empty ones included; names that some file system takes for the same
 * (case, composition, or equal once they are safe) get ` (2)`, ` (3)`, … in the order of the list. A path that is a file here
 * and a folder there becomes both, under two names. The same list always gives the same tree. Time and memory grow
 * with the length of the list, not with what is in it.
 *
 * @throws MSG_ERR_LIMIT for more folders than a manifest may have entries.
 */
export function landingTree(entries: readonly Entry[]): LandingTree {
  const folders: Array<{ parent: number; name: string }> = [{ parent: -1, name: '' }]
  const depths = [0]
  const lengths = [0]
  const files: Array<LandingName | undefined> = []
  /** Folders by the path they were offered under. */
  const known = new Map<string, number>([['', 0]])
  const taken = new TakenNames()

  const folderOf = (path: string): number => {
    const found = known.get(path)
    if (found !== undefined) return found
    let at = 0
    for (let start = 0; start <= path.length && (depths[at] ?? 0) < MAX_DEPTH;) {
      const slash = path.indexOf('/', start)
      const end = slash < 0 ? path.length : slash
      const here = path.slice(0, end)
      const before = known.get(here)
      if (before !== undefined) at = before
      else if (end > start) {
        const safe = safeFileName(path.slice(start, end))
        // In UTF-16 units, three bytes of UTF-8 at most.
        const length = (lengths[at] ?? 0) + safe.length + 1
        if (length > MAX_PATH) break
        if (folders.length > MAX_ENTRIES) throw new MsgError('MSG_ERR_LIMIT', { detail: `${MAX_ENTRIES} folders` })
        lengths.push(length)
        depths.push((depths[at] ?? 0) + 1)
        at = folders.push({ parent: at, name: taken.claim(at, safe) }) - 1
        known.set(here, at)
      }
      start = end + 1
    }
    known.set(path, at)
    return at
  }

  for (const { path, kind } of entries) {
    const slash = path.lastIndexOf('/')
    if (kind === 'folder') {
      folderOf(path)
      files.push(undefined)
    } else {
      const folder = slash < 0 ? 0 : folderOf(path.slice(0, slash))
      files.push({ folder, name: taken.claim(folder, safeFileName(path.slice(slash + 1))) })
    }
  }
  return { folders, files }
}

/** Names that are given away in each folder. */
class TakenNames {
  /** The next number to try for a name: without it, a million equal names would take forever. */
  readonly #next = new Map<string, number>()

  claim(folder: number, name: string): string {
    const key = `${folder}/${fileNameKey(name)}`
    const next = this.#next.get(key)
    if (next === undefined) {
      this.#next.set(key, 2)
      return name
    }
    for (let n = next; ; n++) {
      const candidate = numberedFileName(name, n)
      const other = `${folder}/${fileNameKey(candidate)}`
      if (this.#next.has(other)) continue
      this.#next.set(key, n + 1)
      this.#next.set(other, 2)
      return candidate
    }
  }
}

/** Implementation: of a folder's path, in UTF-16 units: with a file's name and the root it stays below PATH_MAX (4,096 bytes). */
const MAX_PATH = 512
/** Implementation: deeper folders land in the one at this depth: systems limit the length of a whole path. */
const MAX_DEPTH = 64
