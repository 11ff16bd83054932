import type { ConversationKey } from '../chat/conversation.ts'
import { backoffMs, RETRY_REFUSED } from './backoff.ts'

/** What {@link Refusals} tell their owner. */
export interface RefusalsDeps {
  /** What `user` refused in this conversation may go again. */
  readonly onRetry: (user: string, key: ConversationKey) => void
  /** `user` has refused again and again; said once until they take something. */
  readonly onWarning: (user: string) => void
}

/** Messages that a receiver refused because the conversation is not open there: when to try again, ever more seldom. */
export class Refusals {
  readonly #deps: RefusalsDeps
  readonly #refused = new Map<string, { attempts: number; timer: NodeJS.Timeout | undefined }>()

  constructor(deps: RefusalsDeps) {
    this.#deps = deps
  }

  /** One refusal; those that come while a retry is due belong to it. */
  handleRefused(user: string, key: ConversationKey): void {
    const name = nameOf(user, key)
    const refusal = this.#refused.get(name) ?? { attempts: 0, timer: undefined }
    this.#refused.set(name, refusal)
    if (refusal.timer) return
    refusal.attempts++
    if (refusal.attempts === WARN_AFTER) this.#deps.onWarning(user)
    refusal.timer = setTimeout(
      () => {
        refusal.timer = undefined
        this.#deps.onRetry(user, key)
      },
      backoffMs(refusal.attempts, 1, RETRY_REFUSED),
    ).unref()
  }

  /** They take messages of this conversation: the next refusal is the first again. A retry that is due still comes. */
  handleDelivered(user: string, key: ConversationKey): void {
    if (this.#refused.size === 0) return
    const refusal = this.#refused.get(nameOf(user, key))
    if (refusal?.timer) refusal.attempts = 0
    else this.#refused.delete(nameOf(user, key))
  }

  close(): void {
    for (const { timer } of this.#refused.values()) clearTimeout(timer)
    this.#refused.clear()
  }
}

/** Names hold no line breaks. */
function nameOf(user: string, key: ConversationKey): string {
  return `${user}\n${key}`
}

/** Refusals in a row, some seconds apart, before a person is told. */
const WARN_AFTER = 3
