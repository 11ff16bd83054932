import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A file in which a plugin keeps something. */
export interface DataFile {
  readonly path: string
  readonly bytes: number
}

/**
 * What a plugin keeps: `plugins/<id>.db`, and what SQLite puts beside it, in the server's data directory and in each profile of the client's.
 *
 * @param dataDir - of clients
 * @param serverDir - of the server
 */
export function dataFiles(id: string, dataDir: string, serverDir: string): DataFile[] {
  const servers = join(dataDir, 'servers')
  const profiles = namesIn(servers).flatMap((server) =>
    namesIn(join(servers, server))
      .filter((name) => name.startsWith('@'))
      .map((name) => join(servers, server, name)),
  )
  return [...profiles, serverDir].flatMap((place) => {
    const folder = join(place, 'plugins')
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
