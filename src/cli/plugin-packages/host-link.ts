import { lstatSync, mkdirSync, realpathSync, renameSync, rmdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Under which name plugins import what they get from msg. */
export const HOST = 'msg-cli'

/**
 * Makes `<folder>/node_modules/msg-cli` a link to the msg that runs, so that the packages below `folder` import from it and not from a copy.
 *
 * @returns false when something is there that is no link: it stays.
 */
export function linkHost(folder: string, host: string): boolean {
  const path = join(folder, 'node_modules', HOST)
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found && !found.isSymbolicLink()) return false
  if (found && realpath(path) === realpath(host)) return true
  mkdirSync(dirname(path), { recursive: true })
  // Another msg may import through it at this moment, so it is replaced in one step.
  const fresh = `${path}.${process.pid}`
  rmSync(fresh, { force: true })
  symlinkSync(host, fresh, 'junction')
  try {
    renameSync(fresh, path)
  } catch {
    rmSync(path, { force: true })
    renameSync(fresh, path)
  }
  return true
}

/** Undoes {@link linkHost}, and leaves no empty folder. */
export function unlinkHost(folder: string): void {
  const modules = join(folder, 'node_modules')
  rmSync(join(modules, HOST), { force: true })
  try {
    rmdirSync(modules)
  } catch {
    // Something else is in it.
  }
}

/** The folder that `import 'msg-cli/…'` finds from a package, symbolic links followed; undefined when it finds none. */
export function hostSeenFrom(root: string): string | undefined {
  for (let folder = realpath(root) ?? root; ; folder = dirname(folder)) {
    const found = realpath(join(folder, 'node_modules', HOST))
    if (found !== undefined) return found
    if (folder === dirname(folder)) return undefined
  }
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
