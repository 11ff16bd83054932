import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import type { MsgError } from '../../../src/core/errors.ts'
import { LineConnection } from '../../../src/core/io/line-connection.ts'

describe('io/line-connection', () => {
  let server: Server
  let peer: Socket
  let connection: LineConnection
  let lines: string[]
  let broken: MsgError[]
  let closed: Promise<void>
  let onLine: (line: string) => void

  beforeEach(async () => {
    lines = []
    broken = []
    onLine = () => {}
    server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection')
    peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
    peer.on('error', () => {})
    const [socket] = (await accepted) as [Socket]
    closed = new Promise((resolve) => {
      connection = new LineConnection(socket, 64, {
        handleLine: (line) => {
          lines.push(line)
          onLine(line)
        },
        handleBroken: (error) => broken.push(error),
        handleClosed: resolve,
      })
    })
  })
  afterEach(async () => {
    connection.destroy()
    peer.destroy()
    await closed
    server.close()
  })

  /** Resolves when this many lines have arrived. */
  const arrived = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onLine = () => {
        if (lines.length === count) resolve()
      }
    })

  it('hands out lines, and none while it is paused', async () => {
    const first = arrived(1)
    peer.write('a\nb\nc\n')
    onLine = () => connection.pause()
    await new Promise((resolve) => setImmediate(resolve))
    while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(lines).to.deep.equal(['a'])
    void first
    onLine = () => {}
    connection.resume()
    expect(lines).to.deep.equal(['a', 'b', 'c'])
    const more = arrived(4)
    peer.write('d\n')
    await more
    expect(lines.at(-1)).to.equal('d')
  })

  it('stops at the first thing that is broken', async () => {
    peer.write(`ok\n${'x'.repeat(64)}\nmore\n`)
    while (broken.length === 0) await new Promise((resolve) => setImmediate(resolve))
    peer.write('again\n')
    connection.end()
    peer.resume()
    await closed
    expect(lines).to.deep.equal(['ok'])
    expect(broken.map(({ code }) => code)).to.deep.equal(['MSG_ERR_LIMIT'])
  })

  it('delivers what was sent before it ended', async () => {
    let text = ''
    peer.on('data', (bytes) => (text += bytes.toString()))
    for (let i = 0; i < 1_000; i++) connection.send(`${i}\n`)
    connection.end()
    connection.send('too late\n')
    await once(peer, 'end')
    expect(text).to.equal(Array.from({ length: 1_000 }, (_, i) => `${i}\n`).join(''))
  })

  it('closes on a peer that does not hang up', async () => {
    peer.pause()
    connection.end()
    await closed
  })

  it('cuts off a peer that does not read, and says nothing after', async () => {
    peer.pause()
    const line = `${'x'.repeat(65_000)}\n`
    let queued = 0
    for (let i = 0; i < 400; i++) {
      connection.send(line)
      queued = Math.max(queued, connection.queued)
      if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await closed
    expect(queued).to.be.below(1_048_576 + 2 * line.length)
    connection.send('nobody hears this\n')
  })
})
