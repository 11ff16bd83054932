import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** The server's end of a connection without a network: the test is the other side. */
export class FakeSocket extends Duplex {
  /** What was written, one entry for each time the stream handed something over. */
  readonly flights: string[] = []
  /** False: the other side takes nothing, so what is written stays queued. */
  isRead = true

  constructor() {
    super({ decodeStrings: true })
  }

  get asTls(): TLSSocket {
    return this as unknown as TLSSocket
  }

  get text(): string {
    return this.flights.join('')
  }

  /** Every line written so far, as JSON, since the last time it was asked. */
  answers(): Array<Record<string, unknown>> {
    const lines = this.flights.splice(0).join('').split('\n')
    return lines.filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** Bytes arrive; resolves when they were dealt with. */
  async deliver(bytes: string | Uint8Array): Promise<void> {
    this.push(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    await turn()
  }

  /** The other side ends its half. */
  async hangUp(): Promise<void> {
    this.push(null)
    await turn()
  }

  exportKeyingMaterial(length: number, label: string): Buffer {
    return Buffer.alloc(length, label.length)
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this._writev([{ chunk }], done)
  }

  override _writev(chunks: ReadonlyArray<{ chunk: Buffer }>, done: () => void): void {
    if (!this.isRead) return
    this.flights.push(chunks.map(({ chunk }) => chunk.toString()).join(''))
    done()
  }
}

/** Lets everything that is due in this turn of the event loop happen. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}
