import { constants } from 'node:fs'
import { access, open, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, normalize } from 'node:path'
import type { FoundCommand } from '../policy/policy.ts'
import type { Refusal } from '../refusals.ts'

/** Where a command is looked for. */
export interface LocateOptions {
  /** Directories, absolute: the search path is this one and never the environment's. */
  readonly path: readonly string[]
  /** Where `./x` and `x/y` lie, when those are allowed at all. */
  readonly relativeTo?: string | undefined
}

/** The program that a first word means, or why there is none. */
export async function locate(word: string, { path, relativeTo }: LocateOptions): Promise<FoundCommand | Refusal> {
  if (isAbsolute(word)) return await examine(normalize(word))
  if (/[/\\]/u.test(word)) return relativeTo === undefined ? 'relative' : await examine(join(relativeTo, word))
  if (word === '.' || word === '..') return 'not-found'
  let why: Refusal = 'not-found'
  for (const folder of path) {
    const found = await examine(join(folder, word))
    if (typeof found === 'object') return found
    if (found === 'not-executable') why = found
  }
  return why
}

/** Where a directory is, without symlinks; `undefined` when there is none of that name. */
export async function locateFolder(path: string): Promise<string | undefined> {
  try {
    const real = await realpath(path)
    await access(real, constants.X_OK)
    return (await stat(real)).isDirectory() ? real : undefined
  } catch {
    return undefined
  }
}

async function examine(path: string): Promise<FoundCommand | 'not-found' | 'not-executable'> {
  let real: string
  let file: string
  try {
    real = await realpath(path)
    const stats = await stat(real, { bigint: true })
    file = `${stats.dev}:${stats.ino}`
    if (!stats.isFile()) return 'not-found'
  } catch {
    return 'not-found'
  }
  return (await isProgram(real)) ? { path, real, file } : 'not-executable'
}

/** What the kernel itself starts: without a magic number the C library would hand the file to a shell. */
async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    const file = await open(path, 'r')
    try {
      const head = Buffer.alloc(4)
      const { bytesRead } = await file.read(head, 0, 4, 0)
      return head.toString('latin1', 0, 2) === '#!' || (bytesRead === 4 && MAGIC.has(head.toString('hex')))
    } finally {
      await file.close()
    }
  } catch (error) {
    // Whoever may run a file but not read it can still run it.
    return (error as NodeJS.ErrnoException).code === 'EACCES' && (await isRunnable(path))
  }
}

const isRunnable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

/** ELF, and the kinds of Mach-O. */
const MAGIC = new Set(['7f454c46', 'feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', 'cafebabe', 'bebafeca'])
