import { MsgError } from '../errors.ts'
import type { PluginClock } from './clock.ts'

/** What `work` comes to. @param ms - milliseconds. @throws MSG_ERR_PLUGIN_FAILED naming `what` when that takes longer; it is not waited for any more then */
export async function withDeadline<T>(work: Promise<T>, ms: number, what: string, clock: PluginClock): Promise<T> {
  let cancel = (): void => {}
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => {
      reject(new MsgError('MSG_ERR_PLUGIN_FAILED', { detail: `${what} takes longer than ${ms / 1_000} s` }))
    })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
    // It may fail yet, when nobody listens.
    work.catch(() => {})
  }
}
