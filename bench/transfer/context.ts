import { spawnSync } from 'node:child_process'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../link/table.ts'
import type { Workspace } from './workspace.ts'

/** What and how much to measure. */
export interface Context {
  /** Times each case is repeated; what is compared takes turns. */
  readonly runs: number
  /** Size of the file, bytes. */
  readonly size: number
  readonly workspace: Workspace
  /** A file of `size` in it. */
  readonly source: string
  /** Leaves the peers out, for a look at msg alone. */
  readonly isAlone: boolean
  /** Folder for CPU profiles of msg's clients. */
  readonly profile?: string | undefined
}

/** One row of the table. */
export type Case = (context: Context) => Promise<Row[]>

/**
 * Makes everybody begin alike: nothing waits to be written, and the page cache has just held so many bytes. In a virtual machine the first
 * touch of a page may cost ten microseconds, which is 400 MB/s for whoever happens to get such pages.
 *
 * @param bytes that the page cache will take.
 */
export function settle({ path }: Workspace, bytes: number): void {
  spawnSync('sync')
  const scratch = join(path, 'scratch')
  const file = openSync(scratch, 'wx')
  const piece = Buffer.alloc(PIECE, 1)
  for (let written = 0; written < 1.5 * bytes;) written += writeSync(file, piece)
  closeSync(file)
  unlinkSync(scratch)
}

const PIECE = 4 * 1_048_576
