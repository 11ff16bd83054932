import { expect } from 'chai'
import { setImmediate } from 'node:timers/promises'
import type { Peer } from '../../../src/core/client/peer.ts'
import type { LinkStream, StreamHandler } from '../../../src/core/streams/link-stream.ts'
import { StreamCode, StreamRouter } from '../../../src/core/streams/stream-router.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import type { Link, LinkListener } from '../../../src/core/transport/endpoint-api.ts'
import { expectCode } from '../../helpers/errors.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await setImmediate()
}
const peerOf = (user: string): Peer => ({ instance: user, user, deviceKey: '', device: 1, isOwn: false })

/** One side: a router on a link, and what its handlers were told. */
class Side {
  readonly faults: string[] = []
  readonly router = new StreamRouter({
    onFault: (name, { user }, error) => this.faults.push(`${name} ${user} ${(error as Error).message}`),
  })
  readonly told: string[] = []
  readonly accepted: LinkStream[] = []
  readonly resets: number[] = []
  link: Link | undefined

  listener(user: string): LinkListener {
    return {
      onOpen: (link) => {
        this.link = link
        // The first stream of the initiator is the chat's.
        if (link.isInitiator) link.openStream(0)
        this.router.handleOpen(link, peerOf(user))
      },
      onData: (link, id, bytes, fin) => this.router.handleData(link, id, bytes, fin),
      onWritable: (link, id) => this.router.handleWritable(link, id),
      onReset: (link, id, code) => {
        this.resets.push(code)
        this.router.handleReset(link, id, code)
      },
      onStop: (link, id, code) => this.router.handleStop(link, id, code),
      onClosed: (link) => this.router.handleClosed(link),
    }
  }

  handler(name: string, onData?: (text: string) => void): StreamHandler {
    return {
      onData: (bytes, fin) => {
        const text = Buffer.from(bytes).toString()
        this.told.push(`${name}: ${text}${fin ? '.' : ''}`)
        onData?.(text)
      },
      onWritable: () => this.told.push(`${name} writable`),
      onStop: (code) => this.told.push(`${name} stop ${code}`),
      onEnd: (code) => this.told.push(`${name} end ${code}`),
    }
  }

  /** Speaks a protocol, and notes the streams that come. */
  speak(name: string, onData?: (text: string) => void): () => void {
    return this.router.register({
      name,
      priority: 2,
      accept: (stream) => {
        this.accepted.push(stream)
        return this.handler(name, onData)
      },
      onLinkOpen: (_link, { user }) => this.told.push(`${name} link ${user}`),
      onLinkClosed: (_link, { user }) => this.told.push(`${name} unlink ${user}`),
    })
  }
}

describe('streams/stream-router', () => {
  let network: FakeNetwork
  let a: Side
  let b: Side

  beforeEach(async () => {
    network = new FakeNetwork({ sendBuffer: 1_000 })
    ;[a, b] = [new Side(), new Side()]
    const [alice, bob] = [network.endpoint('alice'), network.endpoint('bob')]
    bob.expect({ instance: 'alice', key: new Uint8Array(32) }, b.listener('alice'))
    alice.connect({ instance: 'bob', key: new Uint8Array(32) }, [bob.address], a.listener('bob'))
    await settle()
  })

  it('gives a stream to the one who speaks its protocol, whoever opened it', async () => {
    a.speak('files/1')
    b.speak('files/1')
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const stream = from.router.open(from.link!, 'files/1', 2, from.handler('own'))
      stream.write(Buffer.from('hello'))
      await settle()
      expect(to.told.filter((line) => line.includes('hello'))).to.deep.equal(['files/1: hello'])
      to.accepted[0]!.write(Buffer.from('and back'))
      await settle()
      expect(from.told).to.include('own: and back')
    }
  })

  it('keeps two protocols apart', async () => {
    b.speak('one/1')
    b.speak('two/1')
    a.router.open(a.link!, 'two/1', 2, { onData: () => {} }).write(Buffer.from('2'))
    a.router.open(a.link!, 'one/1', 2, { onData: () => {} }).write(Buffer.from('1'))
    await settle()
    expect(b.told.filter((line) => line.includes(':'))).to.deep.equal(['two/1: 2', 'one/1: 1'])
  })

  it('reads a name that comes byte by byte, and gives what follows it in the same piece', async () => {
    b.speak('files/1')
    const id = a.link!.openStream(2)
    for (const byte of [7, ...Buffer.from('files/')]) {
      a.link!.write(id, Uint8Array.of(byte))
      await settle()
    }
    expect(b.accepted).to.have.length(0)
    a.link!.write(id, Buffer.from('1and more'))
    await settle()
    expect(b.told.at(-1)).to.equal('files/1: and more')
  })

  it('hears of the end of a stream that carried nothing but its name', async () => {
    b.speak('files/1')
    a.router.open(a.link!, 'files/1', 2, { onData: () => {} }).finish()
    await settle()
    expect(b.told.at(-1)).to.equal('files/1: .')
  })

  for (const [what, bytes] of [
    ['of a protocol that nobody speaks', [5, ...Buffer.from('nor/1')]],
    ['whose name is too long', [200, 1, 2, 3]],
    ['without a name', [0, 1]],
    ['that ends within its name', [9, ...Buffer.from('files/1')]],
  ] as const) {
    it(`refuses a stream ${what}`, async () => {
      b.speak('files/1')
      const id = a.link!.openStream(2)
      a.link!.write(id, Uint8Array.from(bytes))
      a.link!.finish(id)
      await settle()
      expect(b.accepted).to.have.length(0)
      expect(a.resets).to.deep.equal([StreamCode.refused])
      expect(b.faults).to.deep.equal([])
    })
  }

  it('refuses a stream that its protocol does not want', async () => {
    b.router.register({ name: 'shy/1', priority: 2, accept: () => undefined })
    a.router.open(a.link!, 'shy/1', 2, a.handler('own'))
    await settle()
    expect(a.told).to.deep.equal([`own end ${StreamCode.refused}`])
  })

  it('ends the stream of a handler that throws, names it, and nothing else', async () => {
    b.speak('bad/1', () => {
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'nonsense' })
    })
    b.speak('good/1')
    const bad = a.router.open(a.link!, 'bad/1', 2, a.handler('own'))
    const good = a.router.open(a.link!, 'good/1', 2, { onData: () => {} })
    bad.write(Buffer.from('x'))
    await settle()
    good.write(Buffer.from('still here'))
    await settle()
    expect(b.faults).to.have.length(1)
    expect(b.faults[0]).to.match(/^bad\/1 alice .*nonsense/)
    expect(b.told).to.include(`bad/1 end ${StreamCode.failed}`)
    expect(b.told.at(-1)).to.equal('good/1: still here')
    expect(a.told).to.include(`own end ${StreamCode.failed}`)
    expect(a.link!.state).to.equal('open')
  })

  it('tells a protocol of links, also of those that were there before it', async () => {
    b.speak('files/1')
    expect(b.told).to.deep.equal(['files/1 link alice'])
    a.router.open(a.link!, 'files/1', 2, { onData: () => {} })
    await settle()
    network.cut('alice', 'bob')
    await settle()
    expect(b.told.slice(1)).to.deep.equal(['files/1 end undefined', 'files/1 unlink alice'])
  })

  it('takes no more than there is room for, and says when there is some', async () => {
    b.speak('files/1')
    const stream = a.router.open(a.link!, 'files/1', 2, a.handler('own'))
    const taken = stream.write(new Uint8Array(5_000))
    expect(taken).to.be.below(1_001)
    await settle()
    expect(a.told).to.include('own writable')
  })

  it('forgets a protocol that ends: its streams are refused, and new ones too', async () => {
    const stop = b.speak('files/1')
    a.router.open(a.link!, 'files/1', 2, a.handler('own'))
    await settle()
    stop()
    await settle()
    expect(b.told.at(-1)).to.equal('files/1 end undefined')
    expect(a.told).to.include(`own end ${StreamCode.refused}`)
    a.router.open(a.link!, 'files/1', 2, a.handler('again'))
    await settle()
    expect(a.told).to.include(`again end ${StreamCode.refused}`)
    b.speak('files/1')
  })

  it('refuses names that are none, and a second speaker of one', () => {
    b.speak('files/1')
    for (const name of ['', 'with space', 'ümlaut', 'x'.repeat(49), 'files/1'])
      expectCode(() => b.speak(name), 'MSG_ERR_USAGE')
  })

  it('opens nothing on a link that is not open', async () => {
    const link = a.link!
    network.cut('alice', 'bob')
    await settle()
    expectCode(() => a.router.open(link, 'files/1', 2, { onData: () => {} }), 'MSG_ERR_LINK_CLOSED')
  })
})
