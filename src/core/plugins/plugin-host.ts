import { MsgError } from '../errors.ts'
import type { PluginCommand } from './commands.ts'
import type { AnyPlugin, ConfiguredPlugin, PluginStatus } from './define.ts'
import { startOrder } from './load-order.ts'
import { LoadedPlugin, type HostDeps } from './loaded-plugin.ts'
import { checkProtocol, HANDLER_MS } from './protocol.ts'
import type { Scope } from './scope-api.ts'

/** The plugins of one server or client: starts and stops them, keeps account of them, calls their hooks. */
export class PluginHost {
  readonly #deps: HostDeps
  /** All that were given, in the order in which they start. */
  #plugins: LoadedPlugin[] = []

  constructor(deps: HostDeps) {
    this.#deps = deps
  }

  /**
   * Starts them, each after those it requires. One that does not start is told, and the rest goes on.
   *
   * @param scopeOf - what `setup` is given.
   * @throws MSG_ERR_CONFIG_INVALID when a plugin refuses its options, when `isStrict`; `close` stops the rest then
   */
  async start(
    configured: readonly ConfiguredPlugin[],
    scopeOf: (loaded: LoadedPlugin) => Scope,
    { isStrict = false }: { readonly isStrict?: boolean } = {},
  ): Promise<void> {
    const loaded = configured.map((one) => new LoadedPlugin(one, this.#deps))
    const wanted = loaded.filter((one) => {
      const { plugin, configured } = one
      const fault = faultOf(plugin)
      if (fault !== undefined) {
        this.#fail(one, fault)
        return false
      }
      const isLeftOut = plugin.optIn === true && configured.options === undefined
      if (isLeftOut) one.leaveOut('off', `it is turned on by the configuration: plugins.${one.id}`)
      return !isLeftOut
    })
    const { order, refused } = startOrder(wanted)
    for (const { plugin, reason } of refused) this.#fail(plugin, reason)
    this.#plugins = [...order, ...loaded.filter((one) => !order.includes(one))]
    for (const one of order) {
      const missing = one.requires.filter((id) => !this.running(id))
      if (missing.length > 0) {
        this.#fail(one, `it requires ${missing.join(', ')}, which did not start`)
        continue
      }
      try {
        await one.start(scopeOf(one))
      } catch (error) {
        if (isStrict && MsgError.is(error) && error.code === 'MSG_ERR_CONFIG_INVALID') throw error
        this.#tell(one, error)
      }
    }
  }

  /** The running plugin of that id. */
  running(id: string): LoadedPlugin | undefined {
    return this.#plugins.find((one) => one.isRunning && one.id === id)
  }

  /** Those that run, in the order of their start. */
  all(): LoadedPlugin[] {
    return this.#plugins.filter(({ isRunning }) => isRunning)
  }

  /** Ids and versions of those that run, for `hello`. */
  get versions(): Record<string, number> {
    return Object.fromEntries(this.all().map(({ id, plugin }) => [id, plugin.protocol.version]))
  }

  /** Packages of those that run, as `name@version`, where that is known. */
  get packages(): Record<string, string> {
    return Object.fromEntries(
      this.all().flatMap(({ id, origin }) =>
        origin !== undefined && origin.length <= MAX_PACKAGE ? [[id, origin]] : [],
      ),
    )
  }

  /** The commands they add. */
  get commands(): readonly PluginCommand[] {
    return this.all().flatMap(({ commands }) => [...commands.values()])
  }

  status(): PluginStatus[] {
    return this.#plugins.map((one) => one.status())
  }

  /** A hook of kind `notify`. */
  notify(name: string, ...args: readonly unknown[]): void {
    for (const one of this.all()) this.notifyOne(one, name, ...args)
  }

  notifyOne(one: LoadedPlugin, name: string, ...args: readonly unknown[]): void {
    for (const fn of one.hooks.get(name) ?? []) void callHook(one, name, name, () => fn(...args), undefined)
  }

  /** A hook of kind `first`. @param onFailure - what a failure answers; `undefined` asks the next one. @returns the first answer */
  async first<T>(name: string, args: readonly unknown[], onFailure: T | undefined): Promise<T | undefined> {
    for (const one of this.all()) {
      for (const fn of one.hooks.get(name) ?? []) {
        const answer = await callHook(one, name, `${one.id} ${name}`, () => fn(...args), onFailure)
        if (answer !== undefined) return answer as T
      }
    }
    return undefined
  }

  /** A hook of kind `series`. @throws what a handler throws, or MSG_ERR_PLUGIN_FAILED instead of what is no error of this library */
  async series<T>(name: string, value: T, ...args: readonly unknown[]): Promise<T> {
    let result = value
    for (const one of this.all())
      for (const fn of one.hooks.get(name) ?? [])
        result = (await one.call(`${one.id} ${name}`, HANDLER_MS, () => fn(result, ...args))) as T
    return result
  }

  /** True when somebody has registered for a hook. */
  hasHook(name: string): boolean {
    return this.all().some(({ hooks }) => hooks.has(name))
  }

  /** Stops them, the last one first. */
  async close(): Promise<void> {
    for (const one of this.all().reverse()) await one.close()
  }

  #fail(one: LoadedPlugin, reason: string): void {
    one.leaveOut('failed', reason)
    this.#tell(one, new Error(reason))
  }

  #tell({ id }: LoadedPlugin, cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.#deps.onFault(id, new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: `${id} (${reason})`, cause }))
  }
}

/** Calls one function of a hook that may fail, and tells that it did. @param what - names the call. @returns its answer, or `onFailure` */
async function callHook(
  one: LoadedPlugin,
  name: string,
  what: string,
  fn: () => unknown,
  onFailure: unknown,
): Promise<unknown> {
  try {
    return await one.call(what, HANDLER_MS, fn)
  } catch (error) {
    // Of other errors the call itself has told.
    if (MsgError.is(error) && error.code !== 'MSG_ERR_PLUGIN_FAILED') one.fault(error, name)
    return onFailure
  }
}

/** Not everybody defines halves with what there is for it; and what one of them says in `hello` must not be refused for all. @returns what is wrong */
function faultOf({ protocol, requires = [] }: AnyPlugin): string | undefined {
  if (!Array.isArray(requires)) return 'its requires is no list of ids'
  try {
    checkProtocol(protocol)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** As the control protocol has it, UTF-16 units. */
const MAX_PACKAGE = 256
