import { performance } from 'node:perf_hooks'
import { MsgError } from '../errors.ts'
import { TokenBucket } from '../time/token-bucket.ts'
import type { PluginClock } from './clock.ts'
import type { PluginCommand } from './commands.ts'
import { withDeadline } from './deadline.ts'
import type { AnyPlugin, ConfiguredPlugin, PluginStatus } from './define.ts'
import { LeakWatch } from './leak-watch.ts'
import { publishLog, type PluginLogLine } from './log.ts'
import { MetricTable } from './metrics.ts'
import { checkPayload, messageOf } from './payload.ts'
import { HANDLER_MS, type Side } from './protocol.ts'
import type { Facts, PluginStorage, Scope } from './scope-api.ts'
import { ScopedTimers } from './timers.ts'

/** What plugins of either side need of the world. */
export interface HostDeps {
  /** Tells people and programs. */
  readonly event: (plugin: string, name: string, text: string, facts: Facts) => void
  /** Opened when it is first used; the host closes it. */
  readonly storage: (plugin: string) => PluginStorage & { close(): void }
  /** A plugin threw, or was late, where nobody else is told. */
  readonly onFault: (plugin: string, error: MsgError) => void
  readonly clock: PluginClock
  /** Names of commands that plugins must not take. @default none */
  readonly takenCommands?: ReadonlySet<string>
}

/** One half of a plugin in a host: what it has registered, what it may call, how it fares. */
export class LoadedPlugin {
  readonly plugin: AnyPlugin
  readonly configured: ConfiguredPlugin
  readonly handlers = new Map<string, (payload: unknown, from: unknown) => unknown>()
  readonly hooks = new Map<string, Array<(...args: unknown[]) => unknown>>()
  readonly commands = new Map<string, PluginCommand>()
  /** Others may open streams to it. */
  acceptsStreams = false
  readonly #deps: HostDeps
  readonly #abort = new AbortController()
  readonly #closers: Array<() => void | Promise<void>> = []
  readonly #metrics = new MetricTable()
  readonly #timers: ScopedTimers
  #storage: (PluginStorage & { close(): void }) | undefined
  #state: PluginStatus['state'] = 'off'
  #reason: string | null = null
  #setupMs = 0
  #faults = 0
  #lastFault: string | null = null
  readonly #events: TokenBucket
  /** Calls that have not ended, late ones too. */
  #calls = 0

  constructor(configured: ConfiguredPlugin, deps: HostDeps) {
    this.configured = configured
    this.plugin = configured.plugin
    this.#deps = deps
    this.#events = new TokenBucket(deps.clock.now() * 1_000, EVENTS)
    this.#timers = new ScopedTimers(deps.clock, async (fn) => {
      try {
        await fn()
      } catch (error) {
        this.fault(error, 'a timer')
      }
    })
  }

  get id(): string {
    return this.plugin.protocol.id
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  /** Name and version of its npm package, where the host was told. */
  get origin(): string | undefined {
    const { package: origin } = this.configured
    return origin && `${origin.name}@${origin.version}`
  }

  get requires(): readonly string[] {
    return this.plugin.requires ?? []
  }

  /** Why it does not take part; it is not started then. */
  leaveOut(state: 'failed' | 'off', reason: string): void {
    this.#state = state
    this.#reason = reason
  }

  /** Runs `setup`. @throws what it throws, MSG_ERR_CONFIG_INVALID, and MSG_ERR_PLUGIN_FAILED when it takes too long; everything is undone then */
  async start(scope: Scope): Promise<void> {
    const began = performance.now()
    try {
      const options = this.#options()
      await LEAKS.run(this, async () => {
        const setup = (async () => this.plugin.setup(scope as never, options as never))()
        await withDeadline(setup, SETUP_MS, `${this.id} setup`, this.#deps.clock)
      })
      this.#setupMs = performance.now() - began
      this.#state = 'running'
    } catch (error) {
      this.#setupMs = performance.now() - began
      this.leaveOut('failed', error instanceof Error ? error.message : String(error))
      await this.close()
      throw error
    }
  }

  /** What every scope has; hosts add the rest. */
  scope(): Scope {
    const { id } = this
    const { event } = this.#deps
    const storage = this.#guarded(() => (this.#storage ??= this.#deps.storage(id)))
    const say =
      (level: PluginLogLine['level']) =>
      (message: string, facts: Facts = {}) =>
        publishLog({ plugin: id, level, message, facts })
    return {
      signal: this.#abort.signal,
      log: { debug: say('debug'), info: say('info'), warn: say('warn') },
      metrics: this.#metrics,
      timers: this.#timers,
      storage,
      onClose: (fn) => void this.#closers.push(fn),
      event: (name, text, facts = {}) => {
        if (!EVENT_NAME.test(name)) throw new TypeError(`“${name}” is no name of an event`)
        if (this.#mayTell()) event(id, name, text, facts)
      },
    }
  }

  /** Registers a handler of what the other side, `from`, sends. @throws TypeError, MSG_ERR_METHOD_UNKNOWN */
  handle(name: string, from: Side, fn: (payload: never, from: never) => unknown): void {
    this.#checkOpen()
    messageOf(this.plugin.protocol, name, from)
    if (this.handlers.has(name)) throw new TypeError(`${this.id} handles ${name} twice`)
    this.handlers.set(name, fn as (payload: unknown, from: unknown) => unknown)
  }

  /** @param known - names of the hooks that there are. @throws TypeError */
  hook(name: string, known: object, fn: unknown): void {
    this.#checkOpen()
    if (!Object.hasOwn(known, name)) throw new TypeError(`there is no hook ${name}`)
    this.hooks.set(name, [...(this.hooks.get(name) ?? []), fn as () => unknown])
  }

  /** @param others - that there are. @throws TypeError */
  command(command: PluginCommand, others: readonly PluginCommand[]): void {
    this.#checkOpen()
    const isTaken = this.#deps.takenCommands?.has(command.name) || others.some(({ name }) => name === command.name)
    if (!COMMAND_NAME.test(command.name)) throw new TypeError(`“${command.name}” is no name of a command`)
    if (isTaken || this.commands.has(command.name)) throw new TypeError(`there is a command ${command.name} already`)
    this.commands.set(command.name, command)
  }

  /**
   * What its handler makes of a message that arrived from the other side, `from`, checked in both directions.
   *
   * @throws MSG_ERR_METHOD_UNKNOWN, MSG_ERR_LIMIT, MSG_ERR_PROTOCOL; what the handler throws, or MSG_ERR_PLUGIN_FAILED instead of what is no
   * error of this library, and when it takes longer than it has
   */
  async receive(name: string, from: Side, payload: unknown, sender: unknown): Promise<unknown> {
    const spec = messageOf(this.plugin.protocol, name, from)
    const what = `${this.id} ${name}`
    const checked = checkPayload(spec, payload, what)
    const handler = this.handlers.get(name)
    if (!handler) throw new MsgError('MSG_ERR_METHOD_UNKNOWN', { detail: JSON.stringify(what) })
    const answer = await this.call(what, spec.timeoutMs ?? HANDLER_MS, () => handler(checked, sender))
    if (!spec.answer) return undefined
    try {
      return checkPayload(spec.answer, answer, `the answer to ${what}`)
    } catch (error) {
      this.fault(error, what)
      throw error
    }
  }

  /** Calls something of the plugin's. @param ms - how long it may take. @throws as {@link receive} */
  async call<T>(what: string, ms: number, fn: () => T | Promise<T>): Promise<T> {
    if (this.#calls >= MAX_CALLS)
      throw new MsgError('MSG_ERR_LIMIT', { detail: `${what}: ${MAX_CALLS} calls of ${this.id} have not ended` })
    this.#calls++
    const began = performance.now()
    const work = (async () => fn())().finally(() => this.#calls--)
    const heldMs = performance.now() - began
    if (heldMs > STALL_MS)
      this.fault(
        new MsgError('MSG_ERR_PLUGIN_FAILED', { detail: `${what} held everything up for ${Math.round(heldMs)} ms` }),
        what,
      )
    let isLate = true
    work.then(
      () => (isLate = false),
      () => (isLate = false),
    )
    try {
      return await withDeadline(work, ms, what, this.#deps.clock)
    } catch (error) {
      if (MsgError.is(error) && !isLate) throw error
      throw this.fault(error, what)
    }
  }

  /** Tells that it failed, seldom enough that nobody drowns in it. @returns the error that others are told: never the text of what it threw */
  fault(error: unknown, what: string): MsgError {
    const failure = MsgError.is(error) ? error : new MsgError('MSG_ERR_PLUGIN_FAILED', { detail: what, cause: error })
    const why = MsgError.is(error)
      ? error.message
      : `${what}: ${error instanceof Error ? error.message : String(error)}`
    this.#faults++
    this.#lastFault = why.slice(0, MAX_WHY)
    if (this.#faults <= TOLD_FAULTS || (this.#faults & (this.#faults - 1)) === 0)
      this.#deps.onFault(
        this.id,
        MsgError.is(error) ? error : new MsgError(failure.code, { detail: why, cause: error }),
      )
    return failure
  }

  /** Tells an error here that means nothing elsewhere. @returns what others are told */
  hide(error: MsgError, what: string): MsgError {
    this.fault(error, what)
    return new MsgError('MSG_ERR_PLUGIN_FAILED', { detail: what, cause: error })
  }

  /** As a scope's `onClose`, for hosts. */
  onStop(fn: () => void): void {
    this.#closers.push(fn)
  }

  /** Undoes what was registered, last first; what throws or hangs keeps nothing else from being undone. */
  async close(): Promise<void> {
    this.#abort.abort()
    this.#timers.close()
    this.handlers.clear()
    this.hooks.clear()
    this.commands.clear()
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await withDeadline((async () => close())(), CLOSE_MS, `${this.id} close`, this.#deps.clock)
      } catch (error) {
        this.fault(error, 'closing')
      }
    }
    this.#storage?.close()
    const leaks = LEAKS.end(this)
    if (leaks.length > 0)
      this.fault(
        new MsgError('MSG_ERR_PLUGIN_FAILED', {
          detail: `${this.id} was stopped and left running: ${leaks.join(', ')}`,
        }),
        'closing',
      )
    if (this.#state === 'running') this.leaveOut('off', 'it was stopped')
  }

  status(): PluginStatus {
    const { protocol } = this.plugin
    return {
      id: protocol.id,
      version: protocol.version,
      package: this.origin ?? null,
      state: this.#state,
      reason: this.#reason,
      setupMs: Math.round(this.#setupMs * 100) / 100,
      handles: [...this.handlers.keys()],
      hooks: [...this.hooks.keys()],
      commands: [...this.commands.keys()],
      streams: this.acceptsStreams,
      faults: this.#faults,
      lastFault: this.#lastFault,
      metrics: this.#metrics.values(),
    }
  }

  /** What cannot be kept is told here, with the place where; others may be told the plugin's error. */
  #guarded(open: () => PluginStorage): PluginStorage {
    const guard = async <T>(work: (storage: PluginStorage) => Promise<T>): Promise<T> => {
      try {
        return await work(open())
      } catch (error) {
        if (!MsgError.is(error) || OWN_FAULTS.has(error.code)) throw error
        this.fault(error, 'storage')
        throw new MsgError(error.code, { detail: `what ${this.id} keeps`, cause: error })
      }
    }
    return {
      get: (key) => guard((storage) => storage.get(key)),
      put: (key, value) => guard((storage) => storage.put(key, value)),
      delete: (key) => guard((storage) => storage.delete(key)),
      list: (query) => guard((storage) => storage.list(query)),
    }
  }

  /** False for events beyond what anybody can read: the plugin is named instead. */
  #mayTell(): boolean {
    if (this.#events.take(this.#deps.clock.now() * 1_000) === 0) return true
    this.fault(
      new MsgError('MSG_ERR_PLUGIN_FAILED', {
        detail: `${this.id} tells more than ${EVENTS.perSecond} events a second; what is beyond is dropped`,
      }),
      'event',
    )
    return false
  }

  /** @throws MSG_ERR_CONFIG_INVALID */
  #options(): unknown {
    const { options: schema } = this.plugin
    const { options } = this.configured
    if (schema === undefined) return undefined
    try {
      return checkPayload({ schema, maxBytes: MAX_OPTIONS }, options, `options of ${this.id}`)
    } catch (error) {
      // A schema that does not work is the plugin's fault, and not the owner's.
      if (!MsgError.is(error) || error.code === 'MSG_ERR_PLUGIN_FAILED') throw error
      throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail: error.detail, cause: error })
    }
  }

  #checkOpen(): void {
    if (this.#abort.signal.aborted) throw new TypeError(`${this.id} is stopped`)
  }
}

/** Of storage: what the plugin itself does wrong. */
const OWN_FAULTS: ReadonlySet<string> = new Set(['MSG_ERR_LIMIT', 'MSG_ERR_USAGE', 'MSG_ERR_SIGN_IN_REQUIRED'])
/** One for all: it is on while something starts. */
const LEAKS = new LeakWatch()
/** Events that one plugin may tell. */
const EVENTS = { perSecond: 200, burst: 2_000 }
const EVENT_NAME = /^[a-z][a-z0-9.-]{0,63}$/
const COMMAND_NAME = /^[a-z][a-z0-9-]{0,31}( [a-z][a-z0-9-]{0,31})?$/
/** How long `setup` may take, milliseconds. */
const SETUP_MS = 10_000
/** How long each step of the end may take, milliseconds. */
const CLOSE_MS = 5_000
/** What one plugin may hold everybody up before it is named, milliseconds. */
const STALL_MS = 250
/** Calls of one plugin that have not ended; one more is refused. */
const MAX_CALLS = 1_024
/** Faults that are told one by one; after them, each time their number has doubled. */
const TOLD_FAULTS = 8
/** Longest text of a fault that is kept, UTF-16 units. */
const MAX_WHY = 300
/** Bytes of options as JSON. */
const MAX_OPTIONS = 1_048_576
