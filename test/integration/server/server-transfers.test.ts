import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { FileSource } from '../../../src/core/io/transfer/file-source.ts'
import { LinkTransfers } from '../../../src/core/server/server-transfers.ts'
import { StreamRouter } from '../../../src/core/streams/stream-router.ts'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import type { TransferEvent } from '../../../src/core/transfers/api.ts'
import { Transfers } from '../../../src/core/transfers/transfers.ts'
import type { LinkListener } from '../../../src/core/transport/endpoint-api.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

const ID = (n: number): string => n.toString(16).padStart(32, '0')

/** A router whose links lead to one peer, called `user` here. */
function routed(user: (instance: string) => string): { router: StreamRouter; listener: LinkListener } {
  const router = new StreamRouter({ onFault: () => {} })
  return {
    router,
    listener: {
      onOpen: (link) => router.handleOpen(link, { instance: link.peer.instance, user: user(link.peer.instance) }),
      onData: (link, stream, bytes, fin) => router.handleData(link, stream, bytes, fin),
      onReset: (link, stream, code) => router.handleReset(link, stream, code),
      onStop: (link, stream, code) => router.handleStop(link, stream, code),
      onWritable: (link, stream) => router.handleWritable(link, stream),
      onClosed: (link) => router.handleClosed(link),
    },
  }
}

describe('what a server sends over its links', () => {
  const directory = useTempDir()
  let network: FakeNetwork
  let server: LinkTransfers
  let told: Array<TransferEvent & { readonly user: string }>
  let clients: Map<string, { transfers: Transfers; events: TransferEvent[] }>
  const waiting = new Set<() => void>()
  let known: Set<string>

  beforeEach(() => {
    network = new FakeNetwork()
    told = []
    clients = new Map()
    known = new Set(['a1', 'b1'])
    const { router, listener } = routed((instance) => instance)
    server = new LinkTransfers({
      router,
      sessionOf: (id) => (known.has(id) ? { id, user: `user of ${id}` } : undefined),
    })
    server.onEvent((event, { user }) => {
      told.push({ ...event, user })
      for (const wake of waiting) wake()
    })
    const endpoint = network.endpoint('s')
    for (const instance of ['a1', 'b1']) {
      endpoint.expect({ instance, key: new Uint8Array(32) }, listener)
      const here = routed(() => '@server')
      const events: TransferEvent[] = []
      const transfers = new Transfers({
        router: here.router,
        emit: (event) => {
          events.push(event)
          for (const wake of waiting) wake()
        },
        journal: { put: () => {}, remove: () => {} },
      })
      clients.set(instance, { transfers, events })
      network.endpoint(instance).connect({ instance: 's', key: new Uint8Array(32) }, [endpoint.address], here.listener)
    }
  })
  afterEach(async () => {
    await server.close()
    for (const { transfers } of clients.values()) await transfers.close()
  })

  const heard = async (instance: string, type: TransferEvent['type'], id: string): Promise<TransferEvent> => {
    for (;;) {
      const found = clients.get(instance)!.events.find((event) => event.type === type && event.id === id)
      if (found) return found
      await new Promise<void>((resolve) => waiting.add(resolve))
    }
  }
  const file = (bytes = randomBytes(3_000_001)): string => {
    const path = join(directory(), 'a.bin')
    writeFileSync(path, bytes)
    return path
  }
  const inbox = (name: string): string => {
    mkdirSync(join(directory(), name), { recursive: true })
    return join(directory(), name)
  }
  const session = (id: string) => ({ id, user: `user of ${id}` })
  const get = async (instance: string, n: number, path: string): Promise<void> => {
    clients.get(instance)!.transfers.expect('@server', ID(n), { to: inbox(instance) })
    await server.offer(session(instance), { id: ID(n), path, name: 'b.bin' })
    await heard(instance, 'transfer.done', ID(n))
  }

  it('goes to each connection that asked, under the id it chose', async () => {
    const path = file()
    await Promise.all([get('a1', 1, path), get('b1', 2, path)])
    for (const instance of ['a1', 'b1'])
      expect(readFileSync(join(inbox(instance), 'b.bin')).equals(readFileSync(path))).to.equal(true)
    const done = (): typeof told => told.filter(({ type }) => type === 'transfer.done')
    // The server hears of it last.
    while (done().length < 2) await new Promise<void>((resolve) => waiting.add(resolve))
    expect(
      done()
        .map(({ user }) => user)
        .sort(),
    ).to.deep.equal(['user of a1', 'user of b1'])
  })

  it('is not sent to somebody who did not expect it before they have said yes', async () => {
    await server.offer(session('a1'), { id: ID(3), path: file(), name: 'b.bin' })
    const offered = await heard('a1', 'transfer.offered', ID(3))
    expect(offered).to.include({ from: '@server', name: 'b.bin' })
    expect(readdirSync(inbox('a1'))).to.deep.equal([])
  })

  it('may not have changed between two questions under one id', async () => {
    const path = file()
    await server.offer(session('a1'), { id: ID(4), path, name: 'b.bin' })
    writeFileSync(path, 'other')
    await expectRejects(server.offer(session('a1'), { id: ID(4), path, name: 'b.bin' }), 'MSG_ERR_TRANSFER_CHANGED')
    await get('a1', 5, path)
    expect(readFileSync(join(inbox('a1'), 'b.bin'), 'utf8')).to.equal('other')
  })

  it('is read anew when it is another file under the same name, size and time', async () => {
    const path = file(Buffer.alloc(100, 1))
    utimesSync(path, 1_000, 1_000)
    await get('a1', 6, path)
    writeFileSync(path, Buffer.alloc(100, 2))
    utimesSync(path, 1_000, 1_000)
    clients.get('b1')!.transfers.expect('@server', ID(7), { to: inbox('b1') })
    await server.offer(session('b1'), { id: ID(7), path, name: 'b.bin' })
    await Promise.race([heard('b1', 'transfer.failed', ID(7)), heard('b1', 'transfer.done', ID(7))])
    const failed = clients.get('b1')!.events.some(({ type }) => type === 'transfer.failed')
    if (failed) await get('b1', 8, path)
    expect(readFileSync(join(inbox('b1'), 'b.bin')).equals(Buffer.alloc(100, 2))).to.equal(true)
  })

  it('ends with the connection that it was for', async () => {
    await server.offer(session('a1'), { id: ID(9), path: file(), name: 'b.bin' })
    await heard('a1', 'transfer.offered', ID(9))
    await server.handleGone('a1')
    known.delete('a1')
    clients.get('a1')!.transfers.accept(ID(9), { to: inbox('a1') })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(readdirSync(inbox('a1'))).to.deep.equal([])
  })

  it('is nothing for a connection that asked for no link, or has gone while its content was looked at', async () => {
    const path = file()
    await expectRejects(server.offer(session('c1'), { id: ID(10), path, name: 'b.bin' }), 'MSG_ERR_LINK_CLOSED')
    const offering = server.offer(session('a1'), { id: ID(11), path, name: 'b.bin' })
    known.delete('a1')
    await expectRejects(offering, 'MSG_ERR_LINK_CLOSED')
  })

  it('is told to be over when its connection goes before anybody answered the offer', async () => {
    await server.offer(session('a1'), { id: ID(12), path: file(), name: 'b.bin' })
    await server.handleGone('a1')
    expect(told.map(({ type, id, user }) => [type, id, user])).to.deep.equal([
      ['transfer.stopped', ID(12), 'user of a1'],
    ])
  })

  it('is looked at once for all who ask at the same time, and two contents at a time', async () => {
    const open = FileSource.open.bind(FileSource)
    let [running, most, total] = [0, 0, 0]
    FileSource.open = async (...args) => {
      total++
      most = Math.max(most, ++running)
      return open(...args).finally(() => running--)
    }
    const paths = ['1', '1', '2', '3', '4'].map((name) => join(directory(), name))
    for (const path of paths) writeFileSync(path, 'x')
    try {
      await Promise.all(paths.map((path, n) => server.offer(session('a1'), { id: ID(20 + n), path, name: 'b.bin' })))
    } finally {
      FileSource.open = open
    }
    expect([total, most]).to.deep.equal([4, 2])
  })

  it('is all that there is: what is offered to the server is declined', async () => {
    const { transfers } = clients.get('a1')!
    const { id } = await transfers.offer({ user: '@server' }, [file()])
    expect(await heard('a1', 'transfer.declined', id)).to.include({ with: '@server' })
    expect(told).to.deep.equal([])
  })
})
