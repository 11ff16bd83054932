import type { Client, ClientOptions } from '../../core/index.ts'
import { MsgError } from '../../core/errors.ts'
import type { ConsoleOutput } from '../console/output.ts'
import { failureOf } from '../failure.ts'
import type { Palette } from '../render/palette.ts'
import { count } from '../render/time.ts'
import { visible } from '../../core/wire/visible.ts'
import { onLeaveSignal } from '../signals.ts'
import type { ClientSession, SessionOptions } from './session.ts'

/** What `msg client connect` was asked to do. */
export interface SessionRun {
  readonly createClient: (options: ClientOptions) => Promise<Client>
  readonly options: SessionOptions
  /** Connected to before the first line is read; without one the `connect` command does it. */
  readonly address: string | undefined
  /** Signed in as, once connected. */
  readonly user: string | undefined
  /** How long the end of input waits for messages to be delivered, milliseconds. */
  readonly lingerMs: number
  /** Starts the trace that was asked for. @returns ends it. @throws MSG_ERR_USAGE when its file cannot be opened. */
  readonly trace: (warn: (message: string) => void) => () => Promise<void>
  readonly palette: Palette
}

/** How lines come in and answers go out: a terminal or pipes. */
export interface SessionFront {
  readonly output: ConsoleOutput
  /** Serves lines until they end or `until` is aborted. */
  serve(until: AbortSignal): Promise<void>
  /** Gives the terminal or the pipe back. */
  release(): void
}

/**
 * A session from connecting to leaving: lines are served, then what was sent is delivered, then the client closes.
 *
 * @returns the exit status: 0, that of a failed connection, 8 when messages still wait, or the signal's.
 * @throws what connecting to `run.address` failed with.
 */
export async function runSession(session: ClientSession, run: SessionRun, front: SessionFront): Promise<number> {
  let signalStatus: number | undefined
  const hurry = new AbortController()
  const ignoreSignals = onLeaveSignal((status) => {
    signalStatus = status
    hurry.abort()
    session.end()
  })
  let stopTrace = async (): Promise<void> => {}
  try {
    stopTrace = run.trace((message) => session.warn('MSG_ERR_STORAGE_FAILED', message))
    if (run.address !== undefined) await session.connect(run.address)
    if (run.address !== undefined && run.user !== undefined) await signIn(session, run.user, front.output)
    await front.serve(session.ended)
    front.release()
    const waiting = signalStatus === undefined ? await deliver(session, run, front.output, hurry.signal) : 0
    await session.disconnect()
    if (signalStatus !== undefined) return signalStatus
    if (waiting > 0) throw new MsgError('MSG_ERR_NOT_DELIVERED', { detail: `${count(waiting, 'message')} waiting` })
    return session.failure === undefined ? 0 : failureOf(session.failure).exit
  } catch (error) {
    if (signalStatus !== undefined) return signalStatus
    throw error
  } finally {
    front.release()
    await session.disconnect()
    await stopTrace()
    ignoreSignals()
  }
}

/** On a terminal a failed sign-in leaves the connection: `login` and `register` can still be typed. */
async function signIn(session: ClientSession, user: string, output: ConsoleOutput): Promise<void> {
  try {
    const { virtualAddress } = await session.login(user)
    output.note([`Signed in as ${visible(user)}. Your address is ${visible(virtualAddress)}.`])
  } catch (error) {
    // A script would go on as nobody; a person can still type it right.
    if (session.ask === undefined) throw error
    const { code, message } = failureOf(error)
    session.warn(code, message)
  }
}

/** Waits for acknowledgements. @returns how many messages still wait. */
async function deliver(
  { connection }: ClientSession,
  { lingerMs }: SessionRun,
  output: ConsoleOutput,
  hurry: AbortSignal,
): Promise<number> {
  if (connection?.user === undefined) return 0
  const { waiting } = await connection.flush({ timeoutMs: 0 })
  if (waiting === 0 || lingerMs === 0) return waiting
  output.note([
    `Waiting up to ${lingerMs / 1000} s for ${count(waiting, 'message')} to be delivered; Ctrl-C leaves now.`,
  ])
  return (await connection.flush({ timeoutMs: lingerMs, signal: hurry })).waiting
}
