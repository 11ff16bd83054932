import { spawnSync } from 'node:child_process'
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

/** Empties what waits to be written, so that nobody pays for who was before. */
export function settle(): void {
  spawnSync('sync')
}
