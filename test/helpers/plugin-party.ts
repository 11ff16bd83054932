import { join } from 'node:path'
import { Values } from '../../src/cli/lines/values.ts'
import type { Client, ClientEvent, ClientOptions } from '../../src/core/client/api.ts'
import { createClient } from '../../src/core/client/create-client.ts'
import type { Server, ServerOptions } from '../../src/core/server/api.ts'
import { createServer } from '../../src/core/server/create-server.ts'

type Half = NonNullable<ClientOptions['plugins']>[number]['plugin']

/** The two halves of a plugin and what configuration says to them. */
export interface PartyPlugin {
  readonly server: Half
  readonly client: Half
  readonly options?: object
}

/** One client of a {@link PluginParty}, with everything it was told. */
export interface Guest {
  readonly client: Client
  readonly events: ClientEvent[]
  /** What plugins told so far, as `name: text`. */
  told(): string[]
  /** Resolves when a plugin has told something that contains `text`; the test's own timeout ends the wait. */
  hears(text: string): Promise<Extract<ClientEvent, { type: 'plugin' }>>
  /** Runs a command that a plugin has added to the prompt. @returns its answer and what people read */
  run(
    name: string,
    values?: Readonly<Record<string, string>>,
  ): Promise<{ fields: Record<string, unknown>; lines: readonly string[] }>
}

/** A real server and real clients in this process, with plugins. */
export class PluginParty {
  readonly #directory: () => string
  readonly #plugins: readonly PartyPlugin[]
  readonly #clients: Client[] = []
  server!: Server

  constructor(directory: () => string, plugins: readonly PartyPlugin[]) {
    this.#directory = directory
    this.#plugins = plugins
  }

  /** @param options - over those of the party. */
  async start(options: Partial<ServerOptions> = {}, pluginOptions?: object): Promise<void> {
    this.server = await createServer({
      dataDir: join(this.#directory(), 'server'),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      plugins: this.#plugins.map(({ server, options: own }) => ({ plugin: server, options: pluginOptions ?? own })),
      ...options,
    })
  }

  /** The server is gone for a moment, and is back on its port. */
  async restart(): Promise<void> {
    const { port, udpPort } = this.server.address
    await this.server.close()
    await this.start({ port, udpPort })
  }

  /** A client that signs in; it registers unless `given.isKnown`. */
  async guest(
    user: string,
    given: Partial<ClientOptions> & { readonly isKnown?: boolean; readonly lacksPlugins?: boolean } = {},
    pluginOptions?: object,
  ): Promise<Guest> {
    const { isKnown = false, lacksPlugins = false, ...options } = given
    const plugins = lacksPlugins
      ? []
      : this.#plugins.map(({ client, options: own }) => ({ plugin: client, options: pluginOptions ?? own }))
    const client = await createClient({
      server: `127.0.0.1:${this.server.address.port}`,
      dataDir: join(this.#directory(), `${user}-${this.#clients.length}`),
      plugins,
      ...options,
    })
    this.#clients.push(client)
    const guest = new Listener(client)
    if (isKnown) await client.login(user, 'secret')
    else await client.register(user, 'secret')
    return guest
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.destroy()))
    await this.server.close()
  }
}

class Listener implements Guest {
  readonly client: Client
  readonly events: ClientEvent[] = []
  #wake: () => void = () => {}

  constructor(client: Client) {
    this.client = client
    void this.#listen(client.events())
  }

  told(): string[] {
    return this.#plugins().map(({ name, text }) => `${name}: ${text}`)
  }

  async hears(text: string): Promise<Extract<ClientEvent, { type: 'plugin' }>> {
    for (;;) {
      const found = this.#plugins().find((event) => event.text.includes(text))
      if (found) return found
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async run(name: string, values: Readonly<Record<string, string>> = {}): ReturnType<Guest['run']> {
    const command = this.client.commands.find((candidate) => candidate.name === name)
    if (!command) throw new Error(`there is no command ${name}`)
    const context = { signal: new AbortController().signal, confirm: undefined }
    const fields = (await command.run(new Values(Object.entries(values)), context)) as Record<string, unknown>
    return { fields, lines: command.text(fields, (text) => text) }
  }

  #plugins(): Array<Extract<ClientEvent, { type: 'plugin' }>> {
    return this.events.filter((event) => event.type === 'plugin')
  }

  async #listen(events: AsyncIterable<ClientEvent>): Promise<void> {
    for await (const event of events) {
      this.events.push(event)
      this.#wake()
    }
  }
}
