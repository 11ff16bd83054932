import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../../src/core/client/create-client.ts'
import type { Client, ClientEvent, ClientOptions } from '../../src/core/client/api.ts'
import type { ClientDeps } from '../../src/core/client/deps.ts'
import { createServer } from '../../src/core/server/create-server.ts'
import type { Server, ServerLimits } from '../../src/core/server/api.ts'

/** A client and everything it told, for tests that wait for moments. */
export class Person {
  readonly client: Client
  readonly events: ClientEvent[] = []
  readonly #texts: string[] = []
  readonly #waiting = new Set<() => void>()

  constructor(client: Client) {
    this.client = client
    void this.#collect()
  }

  /** The first event from `from` on that fits; waits for it. */
  async heard<T extends ClientEvent['type']>(
    type: T,
    fits: (event: Extract<ClientEvent, { type: T }>) => boolean = () => true,
    from = 0,
  ): Promise<Extract<ClientEvent, { type: T }>> {
    for (;;) {
      const found = this.events
        .slice(from)
        .find(
          (event): event is Extract<ClientEvent, { type: T }> =>
            event.type === type && fits(event as Extract<ClientEvent, { type: T }>),
        )
      if (found) return found
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Waits until that many events of a type came. */
  async heardTimes(type: ClientEvent['type'], count: number): Promise<ClientEvent[]> {
    for (;;) {
      const found = this.events.filter((event) => event.type === type)
      if (found.length >= count) return found
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  texts(): string[] {
    return [...this.#texts]
  }

  /** Waits until that many messages came. */
  async messages(count: number): Promise<string[]> {
    while (this.#texts.length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve))
    return this.texts()
  }

  async #collect(): Promise<void> {
    for await (const event of this.client.events()) {
      this.events.push(event)
      if (event.type === 'message') this.#texts.push(event.text)
      for (const wake of [...this.#waiting]) {
        this.#waiting.delete(wake)
        wake()
      }
    }
  }
}

/** A real server and real clients in one process, on loopback, in folders that go with it. */
export class World {
  readonly dir = mkdtempSync(join(tmpdir(), 'msg-test-'))
  readonly people: Person[] = []
  server!: Server
  #limits: Partial<ServerLimits> = {}
  #home = 'server'

  static async start(limits: Partial<ServerLimits> = {}): Promise<World> {
    const world = new World()
    world.#limits = limits
    world.server = await world.#listen(0, 0)
    return world
  }

  get address(): string {
    return `127.0.0.1:${this.server.address.port}`
  }

  /** Stops the server and starts it again where it was. */
  async restart(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const { port, udpPort } = this.server.address
    await this.server.close()
    await meanwhile()
    this.server = await this.#listen(port, udpPort)
  }

  /** Another server takes the place of this one: same port, another key, other accounts. */
  async replace(): Promise<void> {
    const { port, udpPort } = this.server.address
    await this.server.close()
    this.#home = 'another-server'
    this.server = await this.#listen(port, udpPort)
  }

  /** A client that is not signed in. @param home - its data directory's name. */
  async visitor(home: string, options: Partial<ClientOptions> = {}, deps: Partial<ClientDeps> = {}): Promise<Person> {
    const client = await createClient(
      { server: this.address, dataDir: join(this.dir, home), ...options },
      { random: () => 0, ...deps },
    )
    const person = new Person(client)
    this.people.push(person)
    return person
  }

  /** A new user, signed in. */
  async person(user: string, options: Partial<ClientOptions> = {}): Promise<Person> {
    const person = await this.visitor(user, options)
    await person.client.register(user, `${user}'s password`)
    return person
  }

  /** The same user on another connection: with the kept key, or at another place with the password. */
  async again(
    user: string,
    { home = user, ...options }: Partial<ClientOptions> & { home?: string } = {},
  ): Promise<Person> {
    const person = await this.visitor(home, options)
    await person.client.login(user, home === user ? undefined : `${user}'s password`)
    return person
  }

  /** Two users in a session. */
  async pair(options: Partial<ClientOptions> = {}): Promise<[Person, Person]> {
    const [alice, bob] = [await this.person('alice', options), await this.person('bob', options)]
    await this.introduce(alice, bob)
    return [alice, bob]
  }

  async introduce(one: Person, two: Person): Promise<void> {
    const from = two.events.length
    const opening = one.client.open(two.client.user!)
    await two.heard('session.request', () => true, from)
    await two.client.accept(one.client.user!)
    await opening
  }

  async end(): Promise<void> {
    await Promise.all(this.people.map(({ client }) => client.destroy()))
    await this.server.close()
    rmSync(this.dir, { recursive: true, force: true })
  }

  #listen(port: number, udpPort: number): Promise<Server> {
    return createServer({
      dataDir: join(this.dir, this.#home),
      host: '127.0.0.1',
      port,
      udpPort,
      passwordCost: 'minimal',
      limits: this.#limits,
    })
  }
}
