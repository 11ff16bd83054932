import { landingTree } from '../../transfer/landing-names.ts'
import type { Entry } from '../../transfer/manifest.ts'
import { safeFileName } from '../../wire/file-name.ts'
import type { AbortOptions } from './block-source.ts'
import type { DiskThread } from './disk-thread.ts'
import type { Landing, LandingGroup } from './landing-jobs.ts'
import { PARTIAL } from './partial-folder.ts'

/** What {@link place} takes. */
export interface PlaceOptions extends AbortOptions {
  readonly entries: readonly Entry[]
  /** Path of the folder that is made. */
  readonly tree: string
  /** Path of a staged file. */
  readonly staged: (entry: number) => string
}

/** Puts staged files into a tree of folders under safe names; some thousand at a time, so that others get their turn. */
export async function place(disk: DiskThread, { entries, tree, staged, signal }: PlaceOptions): Promise<void> {
  const { folders, files } = landingTree(entries)
  const inFolder: Landing[][] = folders.map(() => [])
  files.forEach((file, entry) => {
    if (file) inFolder[file.folder]?.push({ ...dressOf(entries[entry]), from: staged(entry), name: file.name })
  })
  const paths: string[][] = []
  let groups: LandingGroup[] = []
  let count = 0
  const flush = async (): Promise<void> => {
    if (groups.length > 0) await disk.run('place', { tree, groups }, signal)
    groups = []
    count = 0
  }
  for (const [at, { parent, name }] of folders.entries()) {
    const path = parent < 0 ? [] : [...(paths[parent] ?? []), name]
    paths.push(path)
    for (const { portion } of portions(inFolder[at] ?? [], PLACED_AT_ONCE)) {
      groups.push({ path, files: portion })
      count += portion.length + 1
      if (count >= PLACED_AT_ONCE) await flush()
    }
  }
  await flush()
}

/** Mode and time that a file gets: nobody gets more than this user's umask gives, and who owns it can read it. */
export function dressOf(entry: Entry | undefined): Pick<Landing, 'size' | 'mode' | 'mtime'> {
  const mode = ((entry?.mode ?? 0o644) & 0o777 & ~process.umask()) | 0o400
  return { size: entry?.size ?? 0, mode, mtime: entry?.mtime ?? 0 }
}

/** Name in the download root: safe, and not the one that partial downloads have. */
export function topName(name: string): string {
  const safe = safeFileName(name)
  return safe.toLowerCase() === PARTIAL ? `_${safe}` : safe
}

/** Cuts a list; an empty one is one empty portion. */
export function portions<T>(
  list: readonly T[],
  size: number,
): Array<{ portion: readonly T[]; isFirst: boolean; isLast: boolean }> {
  const count = Math.max(1, Math.ceil(list.length / size))
  return Array.from({ length: count }, (_, i) => ({
    portion: count === 1 ? list : list.slice(i * size, (i + 1) * size),
    isFirst: i === 0,
    isLast: i === count - 1,
  }))
}

/** Implementation: some 40 ms of the disk thread. */
const PLACED_AT_ONCE = 1_024
