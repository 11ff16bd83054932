/** A command that a half registers: at the client's prompt, or at the server's console. */
export interface RegisteredCommand {
  readonly name: string
  readonly short?: string
  readonly summary?: string
}

/** What a half registered in its setup. */
export interface Registered {
  readonly handlers: readonly string[]
  readonly hooks: readonly string[]
  readonly commands: readonly RegisteredCommand[]
  /** It accepts streams. */
  readonly streams: boolean
}

/** A scope that does nothing but note what is registered with it. Whatever else is asked of it, it gives something that can be called and does nothing. */
export class Recorder {
  readonly #handlers: string[] = []
  readonly #hooks: string[] = []
  readonly #commands: RegisteredCommand[] = []
  #acceptsStreams = false
  readonly scope: unknown = this.#made()

  get registered(): Registered {
    return { handlers: this.#handlers, hooks: this.#hooks, commands: this.#commands, streams: this.#acceptsStreams }
  }

  #made(): unknown {
    const own: Readonly<Record<string, unknown>> = {
      handle: (name: unknown) => void this.#handlers.push(String(name)),
      hook: (name: unknown) => void this.#hooks.push(String(name)),
      command: (command: unknown) => void this.#commands.push(commandOf(command)),
      streams: withInert({ accept: () => void (this.#acceptsStreams = true) }),
      storage: withInert({ get: async () => undefined, list: async () => [] }),
      timers: withInert({ now: () => 0 }),
      sessions: () => [],
      everybody: () => [],
      self: () => undefined,
      confirm: async () => undefined,
      signal: new AbortController().signal,
    }
    return withInert(own)
  }
}

/** What is not there is {@link inert}. */
function withInert(own: Readonly<Record<string, unknown>>): unknown {
  return new Proxy(own, { get: (target, key) => (Object.hasOwn(target, key) ? target[String(key)] : inert()) })
}

function commandOf(command: unknown): RegisteredCommand {
  const { name, short, summary } = (command ?? {}) as Record<string, unknown>
  return {
    name: String(name),
    ...(typeof short === 'string' ? { short } : {}),
    ...(typeof summary === 'string' ? { summary } : {}),
  }
}

/** Can be called, read from, waited for and iterated over; nothing comes of it. */
function inert(): unknown {
  return new Proxy(() => {}, {
    get(_, key) {
      if (key === 'then') return undefined
      if (key === Symbol.iterator) return () => [][Symbol.iterator]()
      if (key === Symbol.asyncIterator) return () => ({ next: async () => ({ done: true, value: undefined }) })
      if (key === Symbol.toPrimitive) return () => ''
      return inert()
    },
    apply: () => inert(),
  })
}
