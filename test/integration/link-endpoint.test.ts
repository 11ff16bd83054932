import { expect } from 'chai'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { deviceKey } from '../../src/core/crypto/device-key.ts'
import { UdpEndpoint } from '../../src/core/io/link-endpoint.ts'
import type { Link, LinkCloseReason, LinkListener } from '../../src/core/transport/endpoint-api.ts'
import { decodeRequest, encodeResponse } from '../../src/core/wire/rendezvous.ts'
import { expectCode } from '../helpers/errors.ts'
import { Deferred } from '../helpers/deferred.ts'

interface Side {
  readonly endpoint: UdpEndpoint
  readonly instance: string
  readonly key: Uint8Array
}

/** A listener whose moments can be awaited. */
class Recorder implements LinkListener {
  readonly chunks: Buffer[] = []
  readonly opened = new Deferred<Link>()
  readonly ended = new Deferred<void>()
  readonly closed = new Deferred<LinkCloseReason>()
  onOpen(link: Link): void {
    this.opened.resolve(link)
  }
  onData(_link: Link, _stream: number, bytes: Uint8Array, fin: boolean): void {
    this.chunks.push(Buffer.from(bytes))
    if (fin) this.ended.resolve()
  }
  onWritable(): void {}
  onClosed(_link: Link, reason: LinkCloseReason): void {
    this.closed.resolve(reason)
  }
}

async function side(): Promise<Side> {
  const key = deviceKey(randomBytes(32)).noise
  const instance = randomBytes(16).toString('hex')
  return { endpoint: await UdpEndpoint.bind({ local: { key, instance } }), instance, key: key.publicKey }
}

describe('the UDP endpoint', () => {
  let a: Side
  let b: Side
  beforeEach(async () => {
    a = await side()
    b = await side()
  })
  afterEach(() => Promise.all([a.endpoint.close(), b.endpoint.close()]))

  const dial = () => {
    const [atA, atB] = [new Recorder(), new Recorder()]
    b.endpoint.expect(a, atB)
    const link = a.endpoint.connect(b, [{ host: '127.0.0.1', port: b.endpoint.address.port }], atA)
    return { link, atA, atB }
  }

  it('links two sockets, carries bytes both ways and reports what it measured', async () => {
    const { atA, atB } = dial()
    const link = await atA.opened.promise
    const sent = randomBytes(300_000)
    const stream = link.openStream(0)
    expect(link.write(stream, sent)).to.equal(sent.byteLength)
    link.finish(stream)
    await atB.ended.promise
    expect(Buffer.concat(atB.chunks).equals(sent)).to.equal(true)

    const back = await atB.opened.promise
    back.write(stream, Buffer.from('thanks'))
    back.finish(stream)
    await atA.ended.promise
    expect(Buffer.concat(atA.chunks).toString()).to.equal('thanks')
    const stats = link.stats()
    expect(stats.path).to.equal('lan')
    expect(stats.remote.port).to.equal(b.endpoint.address.port)
    expect(stats.srtt).to.be.greaterThan(0)
    expect(stats.bytesSent).to.be.greaterThan(300_000)
  })

  it('refuses codes that the wire has no room for', async () => {
    const { atA } = dial()
    const link = await atA.opened.promise
    const stream = link.openStream(0)
    for (const code of [-1, 1.5, NaN, 2 ** 53]) {
      expectCode(() => link.reset(stream, code), 'MSG_ERR_USAGE')
      expectCode(() => link.stop(stream, code), 'MSG_ERR_USAGE')
    }
    link.stop(stream, Number.MAX_SAFE_INTEGER)
    link.reset(stream, Number.MAX_SAFE_INTEGER)
  })

  it('finds the living candidate among dead ones', async () => {
    const atA = new Recorder()
    b.endpoint.expect(a, new Recorder())
    const dead = [1, 2, 3].map((n) => ({ host: `127.0.0.${n + 10}`, port: 9 }))
    a.endpoint.connect(b, [...dead, { host: '127.0.0.1', port: b.endpoint.address.port }], atA)
    expect((await atA.opened.promise).stats().remote.port).to.equal(b.endpoint.address.port)
  })

  it('tells the other side when it closes, and both hear why', async () => {
    const { atA, atB } = dial()
    const link = await atA.opened.promise
    await atB.opened.promise
    link.close(7, 'done')
    expect(await atA.closed.promise).to.include({ kind: 'local', code: 7 })
    expect(await atB.closed.promise).to.include({ kind: 'remote', code: 7, reason: 'done' })
    expect(link.state).to.equal('closed')
    expect(link.write(0, Buffer.from('late'))).to.equal(0)
    expect(() => link.openStream(0))
      .to.throw()
      .with.property('code', 'MSG_ERR_LINK_CLOSED')
  })

  it('says goodbye on every link when the endpoint closes', async () => {
    const { atA, atB } = dial()
    await Promise.all([atA.opened.promise, atB.opened.promise])
    await a.endpoint.close()
    expect(await atB.closed.promise).to.include({ kind: 'remote' })
  })

  it('goes on while random and mutated datagrams rain on it', async () => {
    const { atA, atB } = dial()
    const link = await atA.opened.promise
    const stream = link.openStream(0)
    const attacker = createSocket('udp4')
    for (let i = 0; i < 2_000; i++) {
      const datagram = randomBytes(1 + (i % 1_300))
      datagram[0] = [0x01, 0x02, 0x03, 0x21, 0x40, 0x41, i][i % 7]!
      attacker.send(datagram, b.endpoint.address.port, '127.0.0.1')
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    link.write(stream, Buffer.from('still here'))
    link.finish(stream)
    await atB.ended.promise
    expect(Buffer.concat(atB.chunks).toString()).to.equal('still here')
    attacker.close()
  })

  it('keeps a rendezvous told of its address and hears what was seen', async () => {
    const server = createSocket('udp4').bind(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const token = randomBytes(16)
    server.on('message', (bytes, from) => {
      const asked = decodeRequest(bytes)
      if (asked) server.send(encodeResponse(asked, { host: from.address, port: from.port }), from.port, from.address)
    })
    const observed = await new Promise((resolve) =>
      a.endpoint.rendezvous({ server: { host: '127.0.0.1', port: server.address().port }, token }, resolve),
    )
    const address = { host: '127.0.0.1', port: a.endpoint.address.port }
    expect(observed).to.deep.equal({ address, mapping: 'unknown' })
    server.close()
  })

  it('may be closed twice', async () => {
    await a.endpoint.close()
    await a.endpoint.close()
  })
})
