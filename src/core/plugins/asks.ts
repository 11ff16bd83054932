import { MsgError } from '../errors.ts'
import type { PluginClock } from './clock.ts'

/** What the server asked one client's plugins and is not answered. */
export class Asks {
  readonly #clock: PluginClock
  readonly #open = new Map<number, Ask>()
  #last = 0

  constructor(clock: PluginClock) {
    this.#clock = clock
  }

  /** @param what - names it in errors. @param send - sends the question with its number. @throws MSG_ERR_LIMIT, MSG_ERR_TIMEOUT, and what the client answers */
  ask(plugin: string, what: string, send: (ask: number) => void): Promise<unknown> {
    if (this.#open.size >= MAX_OPEN)
      return Promise.reject(new MsgError('MSG_ERR_LIMIT', { detail: `${MAX_OPEN} questions wait for an answer` }))
    const number = ++this.#last
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(TIMEOUT_MS, () => {
        this.#open.delete(number)
        reject(new MsgError('MSG_ERR_TIMEOUT', { detail: `the client did not answer ${what}` }))
      })
      this.#open.set(number, { plugin, resolve, reject, cancel })
      try {
        send(number)
      } catch (error) {
        this.#open.delete(number)
        cancel()
        reject(error)
      }
    })
  }

  /** The client answered. @returns false when nobody asked that. */
  handleAnswer(plugin: string, number: number, answer: { readonly payload?: unknown } | MsgError): boolean {
    const ask = this.#open.get(number)
    if (ask?.plugin !== plugin) return false
    this.#open.delete(number)
    ask.cancel()
    if (MsgError.is(answer)) ask.reject(answer)
    else ask.resolve(answer.payload)
    return true
  }

  /** The client is gone. */
  close(): void {
    for (const { cancel, reject } of this.#open.values()) {
      cancel()
      reject(new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'the client is gone' }))
    }
    this.#open.clear()
  }
}

interface Ask {
  readonly plugin: string
  readonly resolve: (payload: unknown) => void
  readonly reject: (error: unknown) => void
  readonly cancel: () => void
}

/** Questions of plugins to one client that wait for an answer. */
const MAX_OPEN = 32
/** Milliseconds. */
const TIMEOUT_MS = 30_000
