import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  opendirSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { MsgError } from '../../errors.ts'
import { numberedFileName } from '../../wire/file-name.ts'
import { FolderHandle, NO_FOLLOW } from './folder-handle.ts'

/** A staged file and what it becomes. */
export interface Landing {
  /** Where it is. */
  readonly from: string
  readonly name: string
  /** In bytes. */
  readonly size: number
  /** Permission bits. */
  readonly mode: number
  /** Milliseconds since 1970. */
  readonly mtime: number
}

/** What is in one folder of the tree. */
export interface LandingGroup {
  /** Safe names from the tree's top to the folder. */
  readonly path: readonly string[]
  readonly files: readonly Landing[]
}

/** How a download becomes files; see `docs/adr/0011`. */
export const LANDING_JOBS = {
  /** Undoes what a landing that did not come to its end did to staged files. */
  restage: ({ folder }: { readonly folder: string }): void => {
    if (lstatSync(`${folder}/tree`, { throwIfNoEntry: false }) === undefined) return
    rmSync(`${folder}/tree`, { recursive: true })
    for (const name of readdirSync(folder))
      if (STAGED.test(name) && !isLink(`${folder}/${name}`)) chmodSync(`${folder}/${name}`, 0o600)
  },

  /** Writes a file: whole or not at all. */
  replace: ({ path, bytes }: { readonly path: string; readonly bytes: Uint8Array }): void => {
    rmSync(`${path}.new`, { force: true })
    writeFileSync(`${path}.new`, bytes, { flag: 'wx', mode: 0o600 })
    renameSync(`${path}.new`, path)
  },

  /** Deletes a file, if there is one. */
  remove: ({ path }: { readonly path: string }): void => rmSync(path, { force: true }),

  /** Puts staged files into a tree of folders, which it makes. They stay where they were, too, until the partial folder goes. */
  place: ({ tree, groups }: { readonly tree: string; readonly groups: readonly LandingGroup[] }): void => {
    const top = FolderHandle.top(tree)
    try {
      for (const { path, files } of groups)
        inFolder(top, path, (folder) => {
          for (const file of files) {
            dress(file)
            link(file.from, folder.at(file.name))
          }
          // Nobody sees it before the whole is published.
          fchmodSync(folder.fd, 0o777 & ~process.umask())
        })
    } finally {
      top.close()
    }
  },

  /** Gives a staged file its mode and time. @throws MSG_ERR_TRANSFER_INTEGRITY when it is not of its size. */
  dress: (file: Landing): void => dress(file),

  /**
   * Gives the file or folder `from` a free name in `root`: `name`, or that with a number. Nothing there is ever replaced.
   * Before each attempt it notes at `marker` what it is about to do. @returns the name.
   */
  publish: ({ from, root, name, marker }: PublishJob): string => {
    const stats = lstatSync(from)
    const { ino } = stats
    const isFolder = stats.isDirectory()
    for (let n = 1; n < MAX_NUMBER; n++) {
      const candidate = n === 1 ? name : numberedFileName(name, n)
      LANDING_JOBS.replace({ path: marker, bytes: Buffer.from(JSON.stringify({ name: candidate, ino })) })
      const to = `${root}/${candidate}`
      if (isFolder ? !moveFolder(from, to) : !moveFile(from, to)) continue
      syncFolder(root)
      return candidate
    }
    throw new MsgError('MSG_ERR_TRANSFER_EXISTS', { detail: name })
  },

  /** Deletes up to `limit` files of a folder, and the tree in it. @returns true when nothing is left. */
  clear: ({ path, limit }: { readonly path: string; readonly limit: number }): boolean => {
    rmSync(`${path}/tree`, { recursive: true, force: true })
    const folder = opendirSync(path, { bufferSize: 1_024 })
    try {
      for (let n = 0, found = folder.readSync(); found; found = folder.readSync()) {
        if (n++ >= limit) return false
        if (found.isDirectory()) rmSync(`${path}/${found.name}`, { recursive: true, force: true })
        else unlinkSync(`${path}/${found.name}`)
      }
    } finally {
      folder.closeSync()
    }
    return true
  },

  /** Deletes a folder that is empty; leaves it when it is not. */
  removeFolder: ({ path }: { readonly path: string }): void => {
    try {
      rmdirSync(path)
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error))) throw error
    }
  },
}

/** What `publish` takes; all are paths. */
export interface PublishJob {
  readonly from: string
  readonly root: string
  readonly name: string
  readonly marker: string
}

/** Opens folder after folder, none of them through a symlink. */
function inFolder(top: FolderHandle, path: readonly string[], act: (folder: FolderHandle) => void): void {
  const opened: FolderHandle[] = []
  let folder = top
  try {
    for (const name of path) opened.push((folder = folder.child(name)))
    act(folder)
  } finally {
    for (const handle of opened) handle.close()
  }
}

function dress(file: Landing): void {
  const { from, size, mode, mtime } = file
  const fd = openSync(from, constants.O_RDONLY | NO_FOLLOW | (size === 0 ? constants.O_CREAT : 0), 0o600)
  try {
    const stats = fstatSync(fd)
    // What somebody appended was never part of a block: it would keep a download from landing for ever.
    if (stats.isFile() && stats.size > size) cut(file, stats)
    else if (!stats.isFile() || stats.size !== size) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: from })
    futimesSync(fd, mtime / 1_000, mtime / 1_000)
    fchmodSync(fd, mode)
  } finally {
    closeSync(fd)
  }
}

function cut({ from, size }: Landing, { ino }: Stats): void {
  const fd = openSync(from, constants.O_WRONLY | NO_FOLLOW)
  try {
    if (fstatSync(fd).ino !== ino) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: from })
    ftruncateSync(fd, size)
  } finally {
    closeSync(fd)
  }
}

/** A second name for a file; a move where files have only one (FAT). */
function link(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error
    renameSync(from, to)
  }
}

/** @returns false when there is something of that name. */
function moveFile(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!NO_LINKS.includes(codeOf(error))) throw error
  }
  try {
    // The name is taken with a file of our own, which the move replaces.
    closeSync(openSync(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW, 0o600))
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
  renameSync(from, to)
  return true
}

/** @returns false when there is something of that name. */
function moveFolder(from: string, to: string): boolean {
  try {
    // Takes the name: a folder replaces an empty folder and nothing else. Windows replaces none at all.
    if (process.platform !== 'win32') mkdirSync(to, { mode: 0o700 })
    renameSync(from, to)
    return true
  } catch (error) {
    if (TAKEN.includes(codeOf(error))) return false
    throw error
  }
}

/** What a folder names is on the disk afterwards. Windows cannot, and does so by itself. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const isLink = (path: string): boolean => lstatSync(path).isSymbolicLink()
/** How staged files are called. */
const STAGED = /^f\d+$/
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''
/** How file systems say that they have no hard links, or no more of them. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']
const TAKEN = ['EEXIST', 'ENOTEMPTY', 'ENOTDIR', ...(process.platform === 'win32' ? ['EPERM', 'EACCES'] : [])]
/** Implementation: who has ten thousand files of one name looks for a fault elsewhere. */
const MAX_NUMBER = 10_000
