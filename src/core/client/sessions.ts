import type { NotificationParams } from '../control/methods.ts'
import { MsgError } from '../errors.ts'
import type { ClientEvent } from './api.ts'

/** What {@link Sessions} tell their owner. */
export interface SessionsDeps {
  readonly emit: (event: ClientEvent) => void
  /** Messages to and from `user` may flow, or may not any more. */
  readonly onOpened: (user: string) => void
  readonly onClosed: (user: string, reason: string) => void
}

/** The sessions that are open, the requests that wait for this user's answer, and those that wait for another's. */
export class Sessions {
  readonly #deps: SessionsDeps
  readonly #open = new Map<string, { isPresent: boolean; isStale: boolean }>()
  readonly #requests = new Set<string>()
  readonly #asked = new Map<string, Question>()

  constructor(deps: SessionsDeps) {
    this.#deps = deps
  }

  get requests(): readonly string[] {
    return [...this.#requests]
  }

  /** Users with whom a session is open, and whether they are there. */
  list(): Array<{ readonly user: string; readonly present: boolean }> {
    return [...this.#open].map(([user, { isPresent }]) => ({ user, present: isPresent }))
  }

  has(user: string): boolean {
    return this.#open.has(user)
  }

  isPresent(user: string): boolean {
    return this.#open.get(user)?.isPresent ?? false
  }

  /** The answer to a `session.open` that rings. @throws what became of it. */
  answer(user: string): Promise<{ user: string; present: boolean }> {
    const open = this.#open.get(user)
    if (open) return Promise.resolve({ user, present: open.isPresent })
    let question = this.#asked.get(user)
    if (!question) {
      let resolve!: Question['resolve']
      let reject!: Question['reject']
      const promise = new Promise<{ user: string; present: boolean }>((yes, no) => {
        resolve = yes
        reject = no
      })
      this.#asked.set(user, (question = { promise, resolve, reject }))
    }
    return question.promise
  }

  /** The question was taken back. */
  withdraw(user: string, error: MsgError): void {
    this.#asked.get(user)?.reject(error)
    this.#asked.delete(user)
  }

  handleRequest({ user }: NotificationParams<'session.request'>): void {
    this.#requests.add(user)
    this.#deps.emit({ type: 'session.request', from: user })
  }

  /** This user answered the request. */
  handleAnswered(user: string): void {
    this.#requests.delete(user)
  }

  handleOpened({ user, present }: NotificationParams<'session.opened'>): void {
    const known = this.#open.get(user)
    this.#requests.delete(user)
    this.#open.set(user, { isPresent: present, isStale: false })
    if (!known) this.#deps.onOpened(user)
    if (known?.isPresent !== present) this.#deps.emit({ type: 'session.opened', with: user, present })
    this.#asked.get(user)?.resolve({ user, present })
    this.#asked.delete(user)
  }

  handleDeclined({ user, reason }: NotificationParams<'session.declined'>): void {
    const question = this.#asked.get(user)
    this.#asked.delete(user)
    if (reason === 'busy') question?.reject(new MsgError('MSG_ERR_USER_BUSY', { detail: user }))
    else if (reason === 'timeout')
      question?.reject(new MsgError('MSG_ERR_TIMEOUT', { detail: `${user} did not answer` }))
    else if (reason === 'gone') question?.reject(new MsgError('MSG_ERR_USER_OFFLINE', { detail: user }))
    else question?.reject(new MsgError('MSG_ERR_SESSION_DECLINED', { detail: user }))
  }

  handleClosed({ user, reason }: NotificationParams<'session.closed'>): void {
    if (this.#requests.delete(user)) this.#deps.emit({ type: 'session.withdrawn', from: user })
    if (reason !== 'withdrawn' && this.#open.delete(user)) {
      this.#deps.onClosed(user, reason)
      this.#deps.emit({ type: 'session.closed', with: user, reason })
    }
  }

  /** The server is away: requests ring no more, questions are not answered, what is open stays until the server says what is not. */
  handleDisconnected(): void {
    for (const user of [...this.#asked.keys()])
      this.withdraw(user, new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: `while asking ${user}` }))
    for (const user of this.#requests) this.#deps.emit({ type: 'session.withdrawn', from: user })
    this.#requests.clear()
    for (const session of this.#open.values()) session.isStale = true
  }

  /** The server has told everything that is open: the rest was closed while it could not be told. */
  dropStale(): void {
    for (const [user, { isStale }] of [...this.#open]) if (isStale) this.handleClosed({ user, reason: 'gone' })
  }
}

interface Question {
  readonly promise: Promise<{ user: string; present: boolean }>
  readonly resolve: (answer: { user: string; present: boolean }) => void
  readonly reject: (error: MsgError) => void
}
