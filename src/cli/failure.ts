import { MsgError, type ErrorCode } from '../core/errors.ts'

/** An error as a command reports it. */
export interface Failure {
  readonly code: ErrorCode
  /** What happened and why. */
  readonly message: string
  /** What to do next. */
  readonly hint?: string
  /** Exit status. */
  readonly exit: number
  readonly stack?: string
}

/** Turns whatever was thrown into a {@link Failure}: typed errors by their table row, usage errors of oclif as 2, the rest as unexpected. */
export function failureOf(error: unknown): Failure {
  if (MsgError.is(error)) {
    const { hint, exit }: { hint?: string; exit: number } = error.spec
    return { code: error.code, message: withoutFrame(error.message), exit, ...optional(hint, error.stack) }
  }
  const { message, stack, oclif } = error as Partial<Error> & { oclif?: { exit?: number } }
  if (oclif?.exit === 2) {
    return { code: 'MSG_ERR_USAGE', message: withoutFrame(message ?? ''), exit: 2, ...optional('see --help', stack) }
  }
  const wrapped = new MsgError('MSG_ERR_INTERNAL', { detail: message ?? String(error), cause: error })
  return {
    code: wrapped.code,
    message: wrapped.message,
    exit: 1,
    ...optional(wrapped.spec.hint, stack ?? wrapped.stack),
  }
}

/** oclif's parser writes around what a flag's own check says, and appends how to get help, which is the hint's part. */
function withoutFrame(message: string): string {
  return message.replace(/^Parsing --\S+ \n\t/u, '').replace(/\nSee more help with --help$/u, '')
}

function optional(hint: string | undefined, stack: string | undefined): { hint?: string; stack?: string } {
  return { ...(hint === undefined ? {} : { hint }), ...(stack === undefined ? {} : { stack }) }
}
