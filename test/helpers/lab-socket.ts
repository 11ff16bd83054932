import { setTimeout as sleep } from 'node:timers/promises'
import type { HostPort } from '../../src/core/wire/address.ts'
import { JsonProcess } from './json-client.ts'
import { Lab, type LabHost } from './nat-lab.ts'
import { scriptArgs } from './script.ts'

/** UDP sockets in a process of its own on a machine of a {@link Lab}. */
export class LabSockets {
  /** Where they are bound, in the order given. */
  readonly addresses: readonly HostPort[]
  readonly #process: JsonProcess
  #asked = 0

  private constructor(process: JsonProcess, addresses: readonly HostPort[]) {
    this.#process = process
    this.addresses = addresses
  }

  /** @param mode - `echo` answers every datagram with where it came from. @param wanted - port 0 takes any free one. */
  static async open(host: LabHost, mode: 'echo' | 'mute', wanted: readonly HostPort[]): Promise<LabSockets> {
    const script = scriptArgs('../fixtures/udp-host', import.meta.url)
    const args = [process.execPath, ...script, mode, ...wanted.map((each) => JSON.stringify(each))]
    const child = new JsonProcess(Lab.on(host, args), { PATH: process.env['PATH'] ?? '' })
    const addresses: HostPort[] = []
    for (const [socket, { host: bound }] of wanted.entries()) {
      const { port } = await child.until({ type: 'bound', socket })
      addresses.push({ host: bound, port: port as number })
    }
    return new LabSockets(child, addresses)
  }

  /** @param ttl - hops it may make. @default 64 */
  send(to: HostPort, text: string, { socket = 0, ttl = 64 } = {}): void {
    this.#process.say(JSON.stringify({ socket, to, text, ttl }))
  }

  /** Where an echo sees the first socket; `undefined` when it does not answer within half a second. */
  async seenBy(echo: HostPort): Promise<HostPort | undefined> {
    const before = this.#process.lines.length
    this.send(echo, `ask ${++this.#asked}`)
    for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
      await sleep(STEP_MS)
      const answer = this.#datagrams.find(
        ({ from, index }) => index >= before && from.host === echo.host && from.port === echo.port,
      )
      if (answer) return JSON.parse(answer.text) as HostPort
    }
    return undefined
  }

  /** Where `text` came from; `undefined` when it does not come within half a second. */
  async heard(text: string): Promise<HostPort | undefined> {
    for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
      const found = this.#datagrams.find((datagram) => datagram.text === text)
      if (found) return found.from
      await sleep(STEP_MS)
    }
    return undefined
  }

  close(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  get #datagrams(): Array<{ from: HostPort; text: string; index: number }> {
    return this.#process.lines.flatMap((line, index) =>
      line.type === 'datagram' ? [{ from: line['from'] as HostPort, text: line['text'] as string, index }] : [],
    )
  }
}

const PATIENCE_MS = 500
const STEP_MS = 10
