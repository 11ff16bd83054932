import type { TLSSocket } from 'node:tls'
import { expect } from 'chai'
import { LegWriter } from '../../../src/core/io/leg-writer.ts'

/** A socket that takes nothing, and keeps what was written. */
class FullSocket {
  readonly written: Uint8Array[] = []
  readonly corks: string[] = []
  writable = true

  get writableLength(): number {
    return this.written.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  cork(): void {
    this.corks.push('cork')
  }

  uncork(): void {
    this.corks.push('uncork')
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes)
    return false
  }
}

describe('io/leg-writer', () => {
  it('drops what is above 256 KiB that have not left, and goes on when some have', () => {
    const socket = new FullSocket()
    const writer = new LegWriter(socket as unknown as TLSSocket)
    let sent = 0
    while (sent < 1_000 && writer.send(new Uint8Array(1_452))) sent++
    expect(sent).to.equal(Math.ceil((262_144 + 1) / 1_454))
    expect(writer.send(new Uint8Array(10))).to.equal(false)
    socket.written.shift()
    expect(writer.send(new Uint8Array(10))).to.equal(true)
  })

  it('drops everything once the connection is over', () => {
    const socket = new FullSocket()
    socket.writable = false
    expect(new LegWriter(socket as unknown as TLSSocket).send(new Uint8Array(10))).to.equal(false)
    expect(socket.written).to.deep.equal([])
  })

  it('lets what is sent in one turn leave together', async () => {
    const socket = new FullSocket()
    const writer = new LegWriter(socket as unknown as TLSSocket)
    for (let i = 0; i < 3; i++) writer.send(Uint8Array.of(i))
    expect(socket.corks).to.deep.equal(['cork'])
    await new Promise((resolve) => setImmediate(resolve))
    expect(socket.corks).to.deep.equal(['cork', 'uncork'])
    expect(socket.written.map((frame) => [...frame])).to.deep.equal([
      [0, 1, 0],
      [0, 1, 1],
      [0, 1, 2],
    ])
  })
})
