import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A file in which a plugin keeps something. */
export interface DataFile {
  readonly path: string
  readonly bytes: number
}

/** What a plugin keeps in these data directories: `plugins/<id>.db` and what SQLite puts beside it. */
export function dataFiles(id: string, dataDirs: readonly string[]): DataFile[] {
  return dataDirs.flatMap((dataDir) => {
    const folder = join(dataDir, 'plugins')
    return namesIn(folder)
      .filter((name) => name === `${id}.db` || name.startsWith(`${id}.db-`))
      .map((name) => ({ path: join(folder, name), bytes: statSync(join(folder, name)).size }))
  })
}

/** Deletes them, and folders in which nothing is left. */
export function removeFiles(files: readonly DataFile[]): void {
  for (const { path } of files) rmSync(path, { force: true })
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
    if (namesIn(folder).length === 0) rmdirSync(folder)
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
