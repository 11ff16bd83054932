import type { Batch, Change } from './notice-batcher.ts'
import type { Notice } from './protocol.ts'

/** What one user is told of a batch: nothing of themselves. @param names - most names of each group. @returns `undefined` when nothing is left */
export function noticeFor(batch: Batch, at: string, names: number, self?: string): Notice | undefined {
  const groups: Partial<Record<Change, { count: number; users: string[] }>> = {}
  for (const [change, users] of batch) {
    const others = self === undefined ? users : users.filter((user) => user !== self)
    if (others.length > 0) groups[change] = { count: others.length, users: others.slice(0, names) }
  }
  return Object.keys(groups).length > 0 ? { at, ...groups } : undefined
}

/** Says a group for people. */
export function sentence(
  change: Change,
  { count, users }: { readonly count: number; readonly users: readonly string[] },
): string {
  const [one, many] = WORDS[change]
  if (count === 1) return `${users[0]} ${one}.`
  if (count === users.length) return `${count} people ${many}: ${users.join(', ')}.`
  return `${count} people ${many}, among them ${users.join(', ')}.`
}

/** Of one and of many. */
const WORDS: Readonly<Record<Change, readonly [string, string]>> = {
  joined: ['is here', 'joined'],
  left: ['left', 'left'],
  away: ['is away', 'are away'],
  back: ['is back', 'are back'],
}
