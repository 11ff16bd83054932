import { readFileSync } from 'node:fs'
import { Flags } from '@oclif/core'
import type { AcceptPolicy, Client, ClientOptions } from '../../core/index.ts'
import { MsgError } from '../../core/errors.ts'
import { BaseCommand } from '../base-command.ts'
import type { Settings } from '../config/load.ts'
import type { SettingKey } from '../config/settings.ts'
import { settingFlags } from '../flags.ts'
import { onLeaveSignal } from '../signals.ts'
import { clientOptions, LINK_SETTINGS } from './options.ts'
import { traced } from './traced.ts'

const ONE_SHOT_SETTINGS = [
  'server',
  'user',
  'fingerprint',
  'timeout',
  'dataDir',
] as const satisfies readonly SettingKey[]

/** What a one-shot command works with while it is connected. */
export interface OneShot {
  readonly client: Client
  readonly settings: Settings
  /** Aborted when the command's time is up or a signal came. */
  readonly signal: AbortSignal
  /** Milliseconds until the time is up. */
  readonly remainingMs: () => number
  /** Something happened: the time begins anew. */
  readonly moved: () => void
  /** Nothing needs to happen until {@link moved} is called: the time stands still. */
  readonly rest: () => void
}

/** How {@link OneShotCommand.connected} does it. */
export interface ConnectedOptions {
  /** True when the command needs links: it is then present for others while it runs. */
  readonly isListening: boolean
  /** True when `act` ends by itself once `signal` is aborted; it has things to bring to a good end. @default false */
  readonly endsItself?: boolean
  /** @default what `--accept` says */
  readonly accept?: AcceptPolicy
  /** Halves of plugins that take part. @default none */
  readonly plugins?: NonNullable<ClientOptions['plugins']>
  /** True for what downloads from the server: it is not present for others. @default false */
  readonly isDownloading?: boolean
  /** Told of Ctrl-C first. @returns true when it was taken, and does not end the command */
  readonly onInterrupt?: () => boolean
}

/** A command that connects, does one thing and leaves. Sign-ins are kept in the profile, so that only the first needs a password. */
export abstract class OneShotCommand extends BaseCommand {
  static override baseFlags = { ...BaseCommand.baseFlags, ...settingFlags(...ONE_SHOT_SETTINGS) }

  /** Flags of commands that open links. */
  protected static linkFlags = settingFlags(...LINK_SETTINGS)

  /** Flags of commands that may need a password. It is never an argument: others could read it in the process list. */
  protected static passwordFlags = {
    'password-file': Flags.string({
      summary: 'read the password from a file, without its line end',
      helpValue: '<path>',
      exclusive: ['password-stdin'],
    }),
    'password-stdin': Flags.boolean({ summary: 'read the password from stdin, up to the line end' }),
  }

  /**
   * Connects, runs `act`, and closes whatever happens.
   *
   * @throws MSG_ERR_TIMEOUT when `--timeout` has passed.
   */
  protected async connected(
    flags: Readonly<Record<string, unknown>>,
    { isListening, endsItself = false, accept, plugins = [], isDownloading = false, onInterrupt }: ConnectedOptions,
    act: (oneShot: OneShot) => Promise<void>,
  ): Promise<void> {
    const settings = this.settings([...ONE_SHOT_SETTINGS, ...LINK_SETTINGS], flags)
    const server = settings.required('server')
    const core = await import('../../core/index.ts')
    const { createClient } = core
    const isLinked = isListening || isDownloading
    const stopTrace = traced(core, isLinked ? settings.text('traceLinks') : undefined, (message) =>
      process.stderr.write(`warning: ${message}\n`),
    )
    const patience = (settings.number('timeout') ?? 0) * 1000
    const stop = new AbortController()
    let deadline = performance.now() + patience
    let timer = setTimeout(() => stop.abort(timedOut(patience)), patience)
    const rest = (): void => {
      clearTimeout(timer)
      deadline = Infinity
    }
    const moved = (): void => {
      rest()
      if (stop.signal.aborted) return
      deadline = performance.now() + patience
      timer = setTimeout(() => stop.abort(timedOut(patience)), patience)
    }
    const ignoreSignals = onLeaveSignal((status, signal) => {
      if (signal === 'SIGINT' && onInterrupt?.()) return false
      stop.abort(new SignalStop(status))
      return true
    })
    try {
      const options = {
        ...clientOptions(settings),
        ...(accept === undefined ? {} : { accept }),
        listening: isListening,
        // What this user has open in another terminal is not this command's to leave.
        keepOpen: true,
        reconnect: isLinked,
        downloading: isDownloading,
        plugins,
        signal: stop.signal,
      }
      const client = await untilStopped(createClient({ ...options, server }), stop.signal)
      try {
        const remainingMs = (): number => Math.max(0, deadline - performance.now())
        const acting = act({ client, settings, signal: stop.signal, remainingMs, moved, rest })
        await (endsItself ? acting : untilStopped(acting, stop.signal))
      } finally {
        await client.close()
      }
    } catch (error) {
      const reason: unknown = stop.signal.aborted ? stop.signal.reason : error
      if (reason instanceof SignalStop) process.exitCode = reason.status
      else throw reason
    } finally {
      clearTimeout(timer)
      ignoreSignals()
      await stopTrace()
    }
  }

  /** Signs in with the profile's key as `--user`, or as who signed in here last. @throws MSG_ERR_PROFILE_UNKNOWN when this device has not signed in before. */
  protected async signedIn({ client, settings }: OneShot): Promise<void> {
    await client.login(settings.text('user') ?? (await this.#lastUser(settings)))
  }

  /** Without --user, who signed in to this server last. @throws MSG_ERR_USAGE when nobody has. */
  async #lastUser(settings: Settings): Promise<string> {
    const { keptSignIns } = await import('../../core/index.ts')
    const { lastUser } = keptSignIns(settings.required('server'), { dataDir: settings.required('dataDir') })
    return lastUser ?? settings.required('user')
  }

  /**
   * The password from a file, stdin or a hidden prompt, in this order.
   *
   * @throws MSG_ERR_USAGE when nothing gives one and nobody can be asked.
   */
  protected async password(
    flags: {
      readonly 'password-file'?: string | undefined
      readonly 'password-stdin'?: boolean
    },
    question: string,
  ): Promise<string> {
    const file = flags['password-file']
    if (file !== undefined) return firstLine(readPasswordFile(file))
    if (flags['password-stdin']) return firstLine(readFileSync(0, 'utf8'))
    if (!this.canAsk) {
      throw new MsgError('MSG_ERR_USAGE', { detail: 'a password is needed: give --password-file or --password-stdin' })
    }
    const { askSecret } = await import('../prompt/ask.ts')
    return await askSecret(question)
  }
}

/** Why a command stopped early: a signal, with the exit status that stands for it. */
class SignalStop {
  readonly status: number

  constructor(status: number) {
    this.status = status
  }
}

async function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {}
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, stopped])
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Whichever lost the race may still reject; it has been answered already.
    work.catch(() => {})
  }
}

function timedOut(patienceMs: number): MsgError {
  return new MsgError('MSG_ERR_TIMEOUT', { detail: `${patienceMs / 1000} s have passed; --timeout gives it more` })
}

function readPasswordFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new MsgError('MSG_ERR_USAGE', { detail: `the password file ${path} cannot be read (${code})`, cause: error })
  }
}

function firstLine(text: string): string {
  const [line = ''] = text.split(/\r?\n/u, 1)
  if (line === '') throw new MsgError('MSG_ERR_USAGE', { detail: 'the password is empty' })
  return line
}
