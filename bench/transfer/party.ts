import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Place } from '../link/flow.ts'
import { Side } from './side.ts'

/** What {@link Party.start} takes. */
export interface PartyOptions {
  /** Folder for everything that is written; on the file system that is measured. */
  readonly directory: string
  /** Where the server and whoever sends live, and where whoever receives. @default loopback */
  readonly from?: Place
  readonly to?: Place
  /** Clients that receive. @default 1 */
  readonly receivers?: number
  /** Folder for CPU profiles. */
  readonly profile?: string | undefined
}

/** What one transfer took at its receiver. */
export interface Received {
  /** Microseconds since 1970: accepted, landed. */
  readonly from: number
  readonly to: number
  readonly via: string
  readonly retransmits: number
}

/** CPU seconds of a process, and its largest resident memory, MiB. */
export interface Usage {
  readonly cpu: number
  readonly memory: number
}

/** A server, a client that sends and some that receive, each in a process of its own and linked; new for every run, as commands are. */
export class Party {
  readonly #sides: Side[] = []
  readonly #directory: string
  #downloads = 0

  private constructor(directory: string) {
    this.#directory = directory
  }

  static async start({ directory, from, to, receivers = 1, profile }: PartyOptions): Promise<Party> {
    const party = new Party(directory)
    try {
      const host = from?.host ?? '127.0.0.1'
      const server = party.#add(from?.namespace)
      const { port } = await server.ask({ do: 'serve', host, dataDir: join(directory, 'server') })
      for (let n = 0; n <= receivers; n++) {
        const side = party.#add((n === 0 ? from : to)?.namespace, profile)
        const user = nameOf(n)
        await side.ask({ do: 'sign-up', server: `${host}:${port}`, user, dataDir: join(directory, user) })
        if (n > 0) await side.ask({ do: 'open', user: nameOf(0) })
      }
      return party
    } catch (error) {
      await party.close()
      throw error
    }
  }

  /** Offers `paths` to the first `count` receivers; ready to be received. @returns what each of them asks for. */
  async offer(paths: readonly string[], count = 1): Promise<string[]> {
    const ids: string[] = []
    for (let n = 1; n <= count; n++) ids.push((await this.#sender.ask({ do: 'offer', to: nameOf(n), paths })).id)
    return ids
  }

  /** All at once, each into a folder of its own. */
  async receive(ids: readonly string[]): Promise<Received[]> {
    const root = join(this.#directory, `downloads-${this.#downloads++}`)
    return Promise.all(
      ids.map(async (id, n) => {
        const own = join(root, String(n))
        await mkdir(own, { recursive: true })
        return this.#receiver(n).ask({ do: 'receive', id, root: own })
      }),
    )
  }

  /** Of whoever sends and of the first who receives. */
  async usage(): Promise<{ sender: Usage; receiver: Usage }> {
    const [sender, receiver] = [this.#sender, this.#receiver(0)].map((side) => side.ask({ do: 'usage' }))
    return { sender: await sender!, receiver: await receiver! }
  }

  /** Receivers first, the server last. */
  async close(): Promise<void> {
    for (const side of this.#sides.splice(0).reverse()) await side.close()
  }

  #add(namespace: string | undefined, profile?: string): Side {
    const side = new Side({ namespace, profile })
    this.#sides.push(side)
    return side
  }

  get #sender(): Side {
    return this.#sides[1]!
  }

  #receiver(n: number): Side {
    return this.#sides[2 + n]!
  }
}

const nameOf = (n: number): string => (n === 0 ? 'sender' : `receiver-${n}`)
