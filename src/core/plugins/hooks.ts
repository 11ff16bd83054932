import type { ClientEvent } from '../client/events.ts'
import type { ServerEvent } from '../server/events.ts'
import type { Session } from './session.ts'

/**
 * How the handlers of a hook are called, in the order their plugins started:
 * - `first`: until one of them answers.
 * - `series`: each with what the one before it returned.
 * - `notify`: all of them, and nobody waits.
 */
export type HookKind = 'first' | 'series' | 'notify'

/** What a server asks and tells plugins. */
export interface ServerHooks {
  /** Somebody has proven who they are and is about to be signed in. @returns `undefined` leaves it to others; without any answer they are */
  'session:authorize': (who: SignIn) => Verdict | undefined | Promise<Verdict | undefined>
  /** Somebody signed in, or is back on another connection; whatever plugins their client has. */
  'session:open': (session: Session) => void | Promise<void>
  /** Their control connection is over. @param hasLeft - they signed out; otherwise it broke */
  'session:close': (session: Session, hasLeft: boolean) => void | Promise<void>
  /**
   * Others see a user come or go: their first listening connection, their last one, and whenever they turn invisible or are active again. Comes
   * after `session:open` and before `session:close`.
   */
  'user:visible': (who: { readonly user: string; readonly isVisible: boolean }) => void | Promise<void>
  /** What the server's log tells, as it is told. */
  event: (event: ServerEvent) => void | Promise<void>
}

/** What a client asks and tells plugins. */
export interface ClientHooks {
  /** A message is about to go to the outbox. @returns its text from now on */
  'message:outgoing': (
    text: string,
    to: { readonly user: string } | { readonly room: string },
  ) => string | Promise<string>
  /** Somebody asks to talk, and no policy has answered. @returns `undefined` leaves it to others; without any answer a person is asked */
  'session:request': (who: { readonly user: string }) => RequestAnswer | undefined | Promise<RequestAnswer | undefined>
  /** Somebody is at the keyboard, or a script said something: once a second at most. */
  input: () => void | Promise<void>
  /** Whatever the client tells, as it is told. */
  event: (event: ClientEvent) => void | Promise<void>
}

/** Who is about to be signed in. */
export interface SignIn {
  readonly user: string
  /** IP address they come from. */
  readonly address: string
  /** True when the account is about to be made. */
  readonly isNew: boolean
}

/** What `session:authorize` answers. */
export type Verdict = 'allow' | 'deny'
/** What `session:request` answers. */
export type RequestAnswer = 'accept' | 'decline'

/** What happens when a handler of a hook throws, or takes longer than its time. The fault is told in every case. */
export interface HookSpec {
  readonly kind: HookKind
  /** For authors: docs/PLUGINS.md has the same words. */
  readonly onFailure: string
}

/** Every hook of servers, with its kind and what a failure does. */
export const SERVER_HOOKS = {
  'session:authorize': { kind: 'first', onFailure: 'they are not signed in' },
  'session:open': { kind: 'notify', onFailure: 'nothing else changes' },
  'session:close': { kind: 'notify', onFailure: 'nothing else changes' },
  'user:visible': { kind: 'notify', onFailure: 'nothing else changes' },
  event: { kind: 'notify', onFailure: 'nothing else changes' },
} as const satisfies Record<keyof ServerHooks, HookSpec>

/** Every hook of clients, with its kind and what a failure does. */
export const CLIENT_HOOKS = {
  'message:outgoing': { kind: 'series', onFailure: 'the message is refused, and nothing of it is sent' },
  'session:request': { kind: 'first', onFailure: 'the next plugin is asked, and then a person' },
  input: { kind: 'notify', onFailure: 'nothing else changes' },
  event: { kind: 'notify', onFailure: 'nothing else changes' },
} as const satisfies Record<keyof ClientHooks, HookSpec>
