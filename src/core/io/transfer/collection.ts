import { realpath, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { MsgError } from '../../errors.ts'
import { MAX_ENTRIES, type Entry, type Manifest } from '../../transfer/manifest.ts'
import type { AbortOptions } from './block-source.ts'
import type { FileState, FoundEntry } from './disk-jobs.ts'
import type { DiskThread } from './disk-thread.ts'

/** What {@link collect} takes beside paths. */
export interface CollectOptions extends AbortOptions {
  readonly name?: string | undefined
  /** Leaves out what in a folder begins with a dot. @default false */
  readonly skipHidden?: boolean | undefined
}

/** Files and folders that were found, where they are and what they were like. */
export class Collection {
  readonly name: string
  readonly kind: Manifest['kind']
  readonly entries: Entry[] = []
  /** The first thousand of what was left out. */
  readonly skipped: string[] = []
  /** Folders that paths of entries are relative to, and the entry from which on each of them counts. */
  readonly #roots: Array<{ readonly from: number; readonly path: string; readonly prefix: string }> = []
  /** Names on the disk that are not what is offered: those that are not NFC. By entry. */
  readonly #originals = new Map<number, string>()
  readonly #mtimes: number[] = []
  readonly #inodes: number[] = []

  constructor(name: string, kind: Manifest['kind']) {
    this.name = name
    this.kind = kind
  }

  /** Entries from now on lie in the folder `path`, and are offered under `prefix` (ends in '/', or is empty). */
  addRoot(path: string, prefix: string): void {
    this.#roots.push({ from: this.entries.length, path, prefix })
  }

  /** @param path below the root, as it is on the disk. @throws MSG_ERR_LIMIT */
  add(path: string, { kind, size, mode, mtimeMs, ino }: FoundEntry): void {
    if (this.entries.length >= MAX_ENTRIES) throw new MsgError('MSG_ERR_LIMIT', { detail: `${MAX_ENTRIES} files` })
    const composed = path.normalize('NFC')
    if (composed !== path) this.#originals.set(this.entries.length, path)
    this.entries.push({
      path: `${this.#roots.at(-1)?.prefix ?? ''}${composed}`,
      kind,
      size: kind === 'file' ? size : 0,
      mode,
      mtime: Math.max(0, Math.floor(mtimeMs)),
    })
    this.#mtimes.push(mtimeMs)
    this.#inodes.push(ino)
  }

  skip(path: string): void {
    if (this.skipped.length < MAX_SKIPPED) this.skipped.push(path)
  }

  /** Where an entry is. */
  path(index: number): string {
    let low = 0
    for (let high = this.#roots.length; high - low > 1;) {
      const middle = (low + high) >>> 1
      if ((this.#roots[middle]?.from ?? 0) <= index) low = middle
      else high = middle
    }
    const { path, prefix } = this.#roots[low] ?? { path: '', prefix: '' }
    return join(path, this.#originals.get(index) ?? this.entries[index]?.path.slice(prefix.length) ?? '')
  }

  /** What an entry was like when it was found. */
  state(index: number): FileState {
    return {
      size: this.entries[index]?.size ?? 0,
      mtimeMs: this.#mtimes[index] ?? 0,
      ino: this.#inodes[index] ?? 0,
    }
  }
}

/**
 * Finds what is to be sent. Memory: the list itself, and the names of the folders that lead to the one being read.
 *
 * @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_LIMIT, MSG_ERR_DIRECTORY_ACCESS
 */
export async function collect(
  paths: readonly string[],
  disk: DiskThread,
  options: CollectOptions,
): Promise<Collection> {
  const walk = (into: Collection, top: string): Promise<void> => walkFolder(into, top, disk, options)
  const tops: Top[] = []
  for (const path of paths) tops.push(await describe(path))
  const [only] = tops
  if (only === undefined) throw new MsgError('MSG_ERR_USAGE', { detail: 'name a file or a folder to send' })

  if (tops.length === 1 && only.found.kind === 'file') {
    const file = new Collection(options.name ?? only.found.name, 'file')
    file.addRoot(join(only.path, '..'), '')
    file.add(basename(only.path), only.found)
    return file
  }
  if (tops.length === 1) {
    const folder = new Collection(options.name ?? only.found.name, 'folder')
    folder.addRoot(only.path, '')
    await walk(folder, only.path)
    return folder
  }
  const several = new Collection(options.name ?? 'files', 'folder')
  for (const { path, found } of tops) {
    several.addRoot(join(path, '..'), '')
    several.add(basename(path), found)
    if (found.kind !== 'folder') continue
    several.addRoot(path, `${found.name.normalize('NFC')}/`)
    await walk(several, path)
  }
  return several
}

interface Top {
  readonly path: string
  readonly found: FoundEntry
}

async function describe(path: string): Promise<Top> {
  const absolute = resolve(path)
  const stats = await stat(absolute).catch((cause: NodeJS.ErrnoException) => {
    const isMissing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR'
    throw new MsgError(isMissing ? 'MSG_ERR_FILE_UNKNOWN' : 'MSG_ERR_DIRECTORY_ACCESS', { detail: path, cause })
  })
  if (!stats.isFile() && !stats.isDirectory())
    throw new MsgError('MSG_ERR_USAGE', { detail: `${path} is neither a file nor a folder` })
  const { size, mtimeMs, ino } = stats
  const kind = stats.isFile() ? 'file' : 'folder'
  const name = basename(absolute) || 'files'
  return { path: await realpath(absolute), found: { name, kind, mode: stats.mode & 0o777, size, mtimeMs, ino } }
}

/** Depth first, by name. */
async function walkFolder(
  into: Collection,
  top: string,
  disk: DiskThread,
  { signal, skipHidden = false }: CollectOptions,
): Promise<void> {
  const enter = async (below: string): Promise<Array<{ path: string; found: FoundEntry }>> => {
    const { entries, skipped } = await disk.run('list', { path: join(top, below), limit: MAX_ENTRIES }, signal)
    for (const name of skipped) into.skip(`${below}${name}`)
    const shown = skipHidden ? entries.filter(({ name }) => !name.startsWith('.')) : entries
    return shown.map((found) => ({ path: `${below}${found.name}`, found })).reverse()
  }
  // A stack of lists, each taken from its end.
  const stack = [await enter('')]
  for (let list = stack.at(-1); list; list = stack.at(-1)) {
    const next = list.pop()
    if (next === undefined) stack.pop()
    else {
      into.add(next.path, next.found)
      if (next.found.kind === 'folder') stack.push(await enter(`${next.path}/`))
    }
  }
}

const MAX_SKIPPED = 1_000
