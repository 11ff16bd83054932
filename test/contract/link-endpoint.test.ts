import { expect } from 'chai'
import { randomBytes } from 'node:crypto'
import { deviceKey } from '../../src/core/crypto/device-key.ts'
import { UdpEndpoint } from '../../src/core/io/link-endpoint.ts'
import { FakeNetwork } from '../../src/core/testing/fake-endpoint.ts'
import type {
  Link,
  LinkCloseReason,
  LinkEndpoint,
  LinkListener,
  PeerIdentity,
} from '../../src/core/transport/endpoint-api.ts'
import { Deferred } from '../helpers/deferred.ts'

interface Side {
  readonly identity: PeerIdentity
  readonly endpoint: LinkEndpoint
}

/** What an endpoint tells, in order, and moments to wait for. */
class Recorder implements LinkListener {
  readonly opened = new Deferred<Link>()
  readonly closed = new Deferred<LinkCloseReason>()
  readonly writable = new Deferred<number>()
  readonly streams = new Set<number>()
  readonly ended = new Deferred<number>()
  readonly reset = new Deferred<readonly [stream: number, code: number]>()
  readonly stopped = new Deferred<readonly [stream: number, code: number]>()
  /** Called at the end of `onData`. */
  onEach: (link: Link, stream: number) => void = () => {}
  readonly #chunks: Buffer[] = []
  #count = 0
  link: Link | undefined
  onBytes: () => void = () => {}

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  onOpen(link: Link): void {
    this.link = link
    this.opened.resolve(link)
  }
  onData(link: Link, stream: number, bytes: Uint8Array, fin: boolean): void {
    this.streams.add(stream)
    this.#chunks.push(Buffer.from(bytes))
    this.#count += bytes.byteLength
    this.onBytes()
    if (fin) this.ended.resolve(stream)
    this.onEach(link, stream)
  }
  onReset(_link: Link, stream: number, code: number): void {
    this.reset.resolve([stream, code])
  }
  onStop(_link: Link, stream: number, code: number): void {
    this.stopped.resolve([stream, code])
  }
  onWritable(_link: Link, stream: number): void {
    this.writable.resolve(stream)
  }
  onClosed(_link: Link, reason: LinkCloseReason): void {
    this.closed.resolve(reason)
  }

  received(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.onBytes = () => {
        if (this.#count >= count) resolve()
      }
      this.onBytes()
    })
  }
}

const udp = async (): Promise<Side> => {
  const { noise } = deviceKey(randomBytes(32))
  const instance = randomBytes(16).toString('hex')
  const endpoint = await UdpEndpoint.bind({ local: { key: noise, instance }, host: '127.0.0.1' })
  return { identity: { instance, key: noise.publicKey }, endpoint }
}

const fakes = (): (() => Promise<Side>) => {
  const network = new FakeNetwork()
  return async () => {
    const identity = { instance: randomBytes(16).toString('hex'), key: randomBytes(32) }
    return { identity, endpoint: network.endpoint(identity.instance, identity.key) }
  }
}

const implementations: Record<string, () => () => Promise<Side>> = {
  'the UDP endpoint': () => udp,
  'the fake endpoint': fakes,
}

for (const [name, world] of Object.entries(implementations)) {
  describe(`link endpoint contract: ${name}`, () => {
    let a: Side
    let b: Side
    beforeEach(async () => {
      const make = world()
      a = await make()
      b = await make()
    })
    afterEach(() => Promise.all([a.endpoint.close(), b.endpoint.close()]))

    const dial = (): { link: Link; atA: Recorder; atB: Recorder } => {
      const [atA, atB] = [new Recorder(), new Recorder()]
      b.endpoint.expect(a.identity, atB)
      return { link: a.endpoint.connect(b.identity, [b.endpoint.address], atA), atA, atB }
    }
    const open = async (): Promise<{ atA: Recorder; atB: Recorder; link: Link; back: Link }> => {
      const { atA, atB } = dial()
      return { atA, atB, link: await atA.opened.promise, back: await atB.opened.promise }
    }

    it('opens on both sides, each knowing who the other is', async () => {
      const { link, atA } = dial()
      expect([link.state, link.isInitiator]).to.deep.equal(['connecting', true])
      expect(await atA.opened.promise).to.equal(link)
      expect([link.state, link.peer.instance]).to.deep.equal(['open', b.identity.instance])
    })

    it('carries a stream both ways, in order', async () => {
      const { atA, atB, link, back } = await open()
      const stream = link.openStream(0)
      const text = randomBytes(50_000)
      expect(link.write(stream, text)).to.equal(text.byteLength)
      await atB.received(text.byteLength)
      expect(atB.bytes.equals(text)).to.equal(true)
      expect([...atB.streams]).to.deep.equal([stream])
      expect([back.isInitiator, back.peer.instance]).to.deep.equal([false, a.identity.instance])
      back.write(stream, Buffer.from('thanks'))
      await atA.received(6)
      expect(atA.bytes.toString()).to.equal('thanks')
    })

    it('copies what it is given before the call returns', async () => {
      const { atB, link } = await open()
      const bytes = Buffer.from('precious')
      link.write(link.openStream(0), bytes)
      bytes.fill(0)
      await atB.received(8)
      expect(atB.bytes.toString()).to.equal('precious')
    })

    it('takes fewer bytes when its buffer is full, and says when it takes more', async () => {
      const { atA, atB, link } = await open()
      const stream = link.openStream(0)
      const block = Buffer.alloc(1_000_000, 7)
      let taken = 0
      let last = block.byteLength
      while (last === block.byteLength) taken += last = link.write(stream, block)
      expect(await atA.writable.promise).to.equal(stream)
      await atB.received(taken)
      expect(atB.bytes.byteLength).to.equal(taken)
      expect(link.write(stream, Buffer.from('more'))).to.equal(4)
    })

    it('keeps what comes on a paused stream, stops its sender, and lets others go on', async () => {
      const { atA, atB, link, back } = await open()
      const [bulk, chat] = [link.openStream(1), link.openStream(0)]
      atB.onEach = (to, stream) => stream === bulk && to.pause(bulk)
      const block = randomBytes(100_000)
      let taken = 0
      const writeMore = (): void => {
        for (let last = 1; last > 0 && taken < MOST;) taken += last = link.write(bulk, block)
      }
      atA.onWritable = writeMore
      writeMore()
      await atB.received(1)
      const early = atB.bytes.byteLength
      for (let i = 0; i < 20; i++) {
        link.write(chat, Buffer.from('tick'))
        await atB.received(early + 4 * (i + 1))
      }
      // The window, what was on its way when it was paused, and the send buffer.
      expect(taken).to.be.below(MOST)
      atB.onEach = () => {}
      back.resume(bulk)
      link.finish(bulk)
      await atB.ended.promise
      expect(atB.bytes.byteLength).to.be.at.least(taken + 80)
    })

    it('keeps the end of a paused stream, and the order', async () => {
      const { atB, link, back } = await open()
      const stream = link.openStream(0)
      const text = randomBytes(200_000)
      atB.onEach = () => back.pause(stream)
      link.write(stream, text)
      link.finish(stream)
      for (let i = 0; atB.bytes.byteLength < text.byteLength; i++) {
        await new Promise((resolve) => setImmediate(resolve))
        back.resume(stream)
      }
      back.resume(stream)
      expect(await atB.ended.promise).to.equal(stream)
      expect(atB.bytes.equals(text)).to.equal(true)
    })

    it('tells a reset, even of a paused stream', async () => {
      const { atB, link, back } = await open()
      const stream = link.openStream(0)
      link.write(stream, Buffer.from('some'))
      await atB.received(4)
      back.pause(stream)
      link.write(stream, Buffer.from('more'))
      link.reset(stream, 77)
      expect(await atB.reset.promise).to.deep.equal([stream, 77])
      back.resume(stream)
      expect([atB.bytes.toString(), link.write(stream, Buffer.from('x'))]).to.deep.equal(['some', 0])
    })

    it('tells that the other side wants no more, which ends the stream for both', async () => {
      const { atA, atB, link, back } = await open()
      const stream = link.openStream(0)
      link.write(stream, Buffer.from('some'))
      await atB.received(4)
      back.stop(stream, 78)
      expect(await atA.stopped.promise).to.deep.equal([stream, 78])
      expect(link.write(stream, Buffer.from('x'))).to.equal(0)
      expect(await atB.reset.promise).to.deep.equal([stream, 78])
    })

    it('takes a priority for a stream that the other side opened', async () => {
      const { atA, atB, link, back } = await open()
      const stream = link.openStream(0)
      link.write(stream, Buffer.from('?'))
      await atB.received(1)
      back.setPriority(stream, 5)
      back.write(stream, Buffer.from('answer'))
      await atA.received(6)
    })

    it('closes while a stream is paused, and is silent then', async () => {
      const { atB, link, back } = await open()
      const stream = link.openStream(0)
      link.write(stream, Buffer.from('some'))
      await atB.received(4)
      back.pause(stream)
      link.write(stream, Buffer.from('more'))
      link.close(7, 'enough')
      await atB.closed.promise
      for (const act of [back.resume, back.pause]) act.call(back, stream)
      back.reset(stream, 1)
      back.stop(stream, 1)
      await new Promise((resolve) => setImmediate(resolve))
      expect(atB.bytes.toString()).to.equal('some')
    })

    it('measures itself', async () => {
      const { link } = await open()
      const { congestion, datagramSize, srtt, remote } = link.stats()
      expect([congestion, datagramSize >= 1_200, srtt > 0, remote.port]).to.deep.equal([
        'bbr',
        true,
        true,
        b.endpoint.address.port,
      ])
    })

    it('tells both sides when one closes', async () => {
      const { atA, atB, link } = await open()
      link.close(7, 'enough')
      expect(await atA.closed.promise).to.deep.include({ kind: 'local' })
      expect(await atB.closed.promise).to.deep.include({ kind: 'remote', code: 7 })
      expect(link.state).to.equal('closed')
      expect(link.write(0, Buffer.from('x'))).to.equal(0)
    })

    it('tells the others when it closes itself', async () => {
      const { atA } = await open()
      await b.endpoint.close()
      expect(await atA.closed.promise).to.deep.include({ kind: 'remote', code: 0 })
    })

    it('replaces an older link of the same instance by a new handshake', async () => {
      const { atB: first } = await open()
      const { atA, atB } = dial()
      const link = await atA.opened.promise
      await atB.opened.promise
      await first.closed.promise
      link.write(link.openStream(0), Buffer.from('anew'))
      await atB.received(4)
      expect(atB.bytes.toString()).to.equal('anew')
    })
  })
}

/** More than any window and buffer hold, bytes. */
const MOST = 80_000_000
