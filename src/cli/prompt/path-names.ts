import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { visible } from '../../core/wire/visible.ts'

/**
 * Paths that a typed beginning can become, folders with a `/` behind them. Hidden ones only where a dot was typed, and none that a terminal
 * would not show as they are.
 *
 * @param word - as typed; `~/` is the home folder.
 */
export async function pathNames(word: string, cwd: string = process.cwd()): Promise<string[]> {
  const slash = word.lastIndexOf('/')
  const folder = word.slice(0, slash + 1)
  const start = word.slice(slash + 1)
  const place = /^~\//u.test(folder)
    ? join(homedir(), folder.slice(1))
    : folder.startsWith('/')
      ? folder
      : join(cwd, folder)
  const entries = await readdir(place, { withFileTypes: true }).catch(() => [])
  return entries
    .filter(
      ({ name }) =>
        name.startsWith(start) && (start.startsWith('.') || !name.startsWith('.')) && visible(name) === name,
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
}

/** More than anybody looks through. */
const MOST = 500
