import { deferred } from '../deferred.ts'
import type { AcceptPolicy, Client, ClientEvent, ClientOptions, SentMessage } from '../../core/index.ts'
import { MsgError } from '../../core/errors.ts'
import { visible } from '../../core/wire/visible.ts'

/** What a person at a terminal can be asked. */
export interface Asker {
  confirm(
    question: string,
    options?: { readonly details?: readonly string[]; readonly signal?: AbortSignal },
  ): Promise<boolean>
  /** Typed without being shown. */
  secret(question: string): Promise<string>
}

/** What every connection of a session has in common. */
export interface SessionOptions {
  readonly dataDir: string
  readonly fingerprint?: string
  readonly accept: AcceptPolicy
  readonly keepOpen: boolean
  readonly mapPort?: boolean
  readonly guessPorts?: boolean
  readonly plugins?: NonNullable<ClientOptions['plugins']>
}

/** What a {@link ClientSession} is made of. */
export interface ClientSessionDeps {
  readonly createClient: (options: ClientOptions) => Promise<Client>
  readonly options: SessionOptions
  /** Told everything that happens, in order. */
  readonly onEvent: (event: ClientEvent) => void
  /** Told of every message that was said. */
  readonly onSent?: (sent: SentMessage) => void
  /** Names of the prompt's own commands. */
  readonly commandNames?: () => readonly string[]
  /** Missing where nobody can be asked: piped and JSON input. */
  readonly ask?: Asker
}

/**
 * What the commands of `msg client connect` work on: at most one client at a time, from `connect` to `disconnect`.
 *
 * It owns the client, tells its events, and remembers why a connection failed, since that decides the exit status.
 */
export class ClientSession {
  readonly ask: Asker | undefined
  readonly #deps: ClientSessionDeps
  readonly #end = new AbortController()
  readonly #questions = new Set<AbortController>()
  readonly #listeners = new Set<(event: ClientEvent) => void>()
  #client: Client | undefined
  #pumping: Promise<void> = Promise.resolve()
  #failure: MsgError | undefined

  constructor(deps: ClientSessionDeps) {
    this.#deps = deps
    this.ask = deps.ask
  }

  /** @throws MSG_ERR_NOT_CONNECTED before `connect` and after `disconnect`. */
  get client(): Client {
    if (this.#client === undefined) throw new MsgError('MSG_ERR_NOT_CONNECTED')
    return this.#client
  }

  /** The client, or `undefined` where there is none. */
  get connection(): Client | undefined {
    return this.#client
  }

  /** True when a link to one of the user's connections is up. */
  isLinked(user: string): boolean {
    return this.#client?.peers().some((peer) => peer.user === user && peer.state === 'open') ?? false
  }

  /** Why there is no connection: the last attempt failed, or the server ended it. `undefined` when all is well. */
  get failure(): MsgError | undefined {
    return this.#failure
  }

  /** Aborted when the session is to end: an exit command, a signal. */
  get ended(): AbortSignal {
    return this.#end.signal
  }

  /** @throws MSG_ERR_SIGNED_IN when there is a connection already. */
  async connect(server: string, options: { fingerprint?: string } = {}): Promise<Client> {
    if (this.#client)
      throw new MsgError('MSG_ERR_SIGNED_IN', { detail: this.#client.user ?? this.#client.server.address })
    try {
      const { ask } = this
      const client = await this.#deps.createClient({
        ...this.#deps.options,
        ...options,
        promptCommands: this.#deps.commandNames?.() ?? [],
        ...(ask
          ? {
              confirm: (question, { details, signal }) =>
                ask.confirm(visible(question), { details: details.map((line) => visible(line)), signal }),
            }
          : {}),
        server,
        signal: this.ended,
      })
      this.#client = client
      this.#failure = undefined
      this.#pumping = this.#pump(client)
      const { name, address, fingerprint, firstUse } = client.server
      this.#tell({ type: 'connected', server: name, address, fingerprint, firstUse })
      return client
    } catch (error) {
      if (MsgError.is(error)) this.#failure = error
      throw error
    }
  }

  async disconnect(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.close()
    await this.#pumping
  }

  /** Signs in with the profile's key; asks a person for the password when the device is not known yet. */
  async login(user: string, password?: string): Promise<{ user: string; virtualAddress: string }> {
    const { client } = this
    try {
      return await client.login(user, password)
    } catch (error) {
      const isPasswordNeeded = MsgError.is(error) && PASSWORD_NEEDED.includes(error.code)
      if (password !== undefined || !isPasswordNeeded || this.ask === undefined) throw error
      return await client.login(user, await this.ask.secret(`Password of ${user}`))
    }
  }

  /** Asks somebody to talk and waits for the answer; `withdraw` and the end of the session take the question back. */
  async open(user: string): Promise<{ user: string; present: boolean }> {
    const { client } = this
    const question = new AbortController()
    this.#questions.add(question)
    try {
      return await client.open(user, { signal: AbortSignal.any([question.signal, this.ended]) })
    } finally {
      this.#questions.delete(question)
    }
  }

  /** Takes back what was asked and is not answered. @returns false when there is nothing. */
  withdraw(): boolean {
    for (const question of this.#questions) question.abort()
    return this.#questions.size > 0
  }

  /** Says something in the open conversation. */
  async send(text: string): Promise<SentMessage> {
    const sent = await this.client.send(text)
    this.#deps.onSent?.(sent)
    return sent
  }

  /** Says something that did not come from the client, such as a warning of a command. */
  warn(code: string, message: string): void {
    this.#tell({ type: 'warning', code, message })
  }

  /**
   * Resolves at the first event `isWanted` says yes to.
   *
   * @returns the event, or `undefined` when `timeoutMs` has passed or the session ended.
   */
  async event(isWanted: (event: ClientEvent) => boolean, timeoutMs: number): Promise<ClientEvent | undefined> {
    const { promise, resolve } = deferred<ClientEvent | undefined>()
    const listener = (event: ClientEvent): void => {
      if (isWanted(event)) resolve(event)
    }
    const giveUp = (): void => resolve(undefined)
    const timer = setTimeout(giveUp, timeoutMs)
    this.ended.addEventListener('abort', giveUp, { once: true })
    this.#listeners.add(listener)
    try {
      return await promise
    } finally {
      this.#listeners.delete(listener)
      clearTimeout(timer)
      this.ended.removeEventListener('abort', giveUp)
    }
  }

  /** Asks the session to end; whoever runs it closes the client afterwards. */
  end(): void {
    this.#end.abort()
  }

  async #pump(client: Client): Promise<void> {
    try {
      for await (const event of client.events()) {
        if (event.type === 'disconnected' && this.#client === client) {
          this.#client = undefined
          this.#failure = new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: event.reason })
        }
        this.#tell(event)
        // Over for good: what the client still holds is freed, and its events end.
        if (event.type === 'disconnected') await client.close()
      }
    } catch (error) {
      if (!MsgError.is(error)) throw error
      this.warn(error.code, error.message)
    }
  }

  #tell(event: ClientEvent): void {
    this.#deps.onEvent(event)
    for (const listener of this.#listeners) listener(event)
  }
}

/** Answers to a sign-in by device key that a password can cure. */
const PASSWORD_NEEDED = [
  'MSG_ERR_PROFILE_UNKNOWN',
  'MSG_ERR_DEVICE_UNKNOWN',
  'MSG_ERR_SIGN_IN_REQUIRED',
  'MSG_ERR_SIGN_IN_FAILED',
]
