import { expect } from 'chai'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { EndpointMachine, type EndpointEvent } from '../../../src/core/transport/endpoint.ts'
import type { Transmit } from '../../../src/core/transport/machine.ts'
import { decodeInitial, encodeInitial, PacketType } from '../../../src/core/transport/packet.ts'
import { shardedLength, writeShards } from '../../../src/core/transport/shards.ts'
import { OPENER, readRelayed, RELAYED } from '../../../src/core/wire/relay.ts'
import { seededBytes, seededRandom } from '../../helpers/random.ts'
import { ms, s } from '../../helpers/time.ts'

interface Node {
  readonly endpoint: EndpointMachine
  readonly peer: { instance: string; key: Uint8Array }
  readonly address: { host: string; port: number }
}

function makeNode(n: number): Node {
  const key = deviceKey(new Uint8Array(32).fill(n)).noise
  const instance = Buffer.alloc(16, n).toString('hex')
  const endpoint = new EndpointMachine({ now: 0, local: { key, instance }, random: seededBytes(seededRandom(n)) })
  return { endpoint, peer: { instance, key: key.publicKey }, address: { host: `192.0.2.${n}`, port: n } }
}

/** Everything that a node wants to send at `now`, its timers served. */
function drain({ endpoint }: Node, now: number): Transmit[] {
  const sent: Transmit[] = []
  for (let i = 0; i < 4; i++) {
    for (let t = endpoint.pollTransmit(now); t; t = endpoint.pollTransmit(now)) sent.push(t)
    if ((endpoint.pollTimeout() ?? Infinity) > now) break
    endpoint.handleTimeout(now)
  }
  return sent
}
const events = ({ endpoint }: Node): EndpointEvent[] => {
  const found: EndpointEvent[] = []
  for (let event = endpoint.pollEvent(); event; event = endpoint.pollEvent()) found.push(event)
  return found
}
const names = (node: Node): string[] =>
  events(node).map((event) => (event.type === 'link' ? event.event.type : event.type))
const typesOf = (sent: readonly Transmit[]): Array<number | undefined> => sent.map(({ payload }) => payload[0])
const links = ({ endpoint }: Node): number => [...endpoint.links].length

/** Carries datagrams between two nodes until neither has more. */
function exchange(now: number, a: Node, b: Node): void {
  for (let isBusy = true; isBusy;) {
    isBusy = false
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const { payload } of drain(from, now)) {
        isBusy = true
        to.endpoint.handleDatagram(now, from.address, payload)
      }
    }
  }
}

/** The first message of a new attempt of `from` to reach `to`. */
function dial(from: Node, to: Node, now = 0): Uint8Array {
  from.endpoint.connect(now, to.peer, [to.address])
  return drain(from, now).find(({ payload }) => payload[0] === PacketType.initial)!.payload
}

describe('transport/endpoint', () => {
  it('opens a link with somebody who is expected', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    a.endpoint.connect(0, b.peer, [b.address])
    exchange(0, a, b)
    expect(names(a)).to.deep.equal(['open'])
    expect(names(b)).to.deep.equal(['open'])
  })

  it('is silent towards strangers, impostors and those who meant somebody else', () => {
    const [a, b, c] = [makeNode(1), makeNode(2), makeNode(3)]
    const ask = (from: Node, initial: Uint8Array): Transmit[] => {
      b.endpoint.handleDatagram(0, from.address, initial)
      return drain(b, 0)
    }
    expect(ask(a, dial(a, b))).to.deep.equal([])
    b.endpoint.expect({ instance: a.peer.instance, key: c.peer.key })
    expect(ask(a, dial(a, b))).to.deep.equal([])
    b.endpoint.expect(a.peer)
    const elsewhere = { ...b, peer: { instance: 'ff'.repeat(16), key: b.peer.key } }
    expect(ask(a, dial(a, elsewhere))).to.deep.equal([])
    expect(links(b)).to.equal(0)
    expect(typesOf(ask(a, dial(a, b)))).to.deep.equal([PacketType.response])
  })

  it('answers a repeated first message with the same bytes, smaller than the question, and keeps one link for it', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    const initial = dial(a, b)
    const answers = [0, 1, 2].map((now) => {
      b.endpoint.handleDatagram(now, a.address, initial)
      return drain(b, now)[0]!.payload
    })
    expect(links(b)).to.equal(1)
    expect(answers.every((answer) => Buffer.from(answer).equals(answers[0]!))).to.equal(true)
    expect(answers[0]!.byteLength).to.be.below(initial.byteLength)
  })

  it('does not take a first message again under another connection id', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    const { noise, cookie } = decodeInitial(dial(a, b), b.peer.key)!
    for (let i = 0; i < 20; i++) {
      const forged = encodeInitial({ sourceId: new Uint8Array(8).fill(i), cookie, noise }, b.peer.key)
      b.endpoint.handleDatagram(0, a.address, forged)
    }
    expect(drain(b, 0)).to.deep.equal([])
    expect(links(b)).to.equal(0)
  })

  it('forgets a handshake that nobody finishes after ten seconds, without a word', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    b.endpoint.handleDatagram(0, a.address, dial(a, b))
    drain(b, 0)
    expect(links(b)).to.equal(1)
    drain(b, s(10))
    expect(links(b)).to.equal(0)
    expect(names(b)).to.deep.equal([])
    expect(b.endpoint.pollTimeout()).to.equal(undefined)
  })

  it('says nothing when a first message arrives again after its link opened', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    a.endpoint.connect(0, b.peer, [b.address])
    const [{ payload: initial }] = drain(a, 0) as [Transmit]
    b.endpoint.handleDatagram(0, a.address, initial)
    exchange(0, a, b)
    b.endpoint.handleDatagram(ms(1), a.address, initial)
    for (let now = ms(1); now < s(11); now += ms(100)) exchange(now, a, b)
    expect(names(b)).to.deep.equal(['open'])
    expect(links(b)).to.equal(1)
  })

  it('drops a half-made link with the one who is forgotten, and keeps an open one', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    b.endpoint.handleDatagram(0, a.address, dial(a, b))
    const answer = drain(b, 0)[0]!.payload
    b.endpoint.forget(a.peer.instance)
    a.endpoint.handleDatagram(0, b.address, answer)
    exchange(0, a, b)
    expect(names(b)).to.deep.equal([])
    expect(links(b)).to.equal(0)
    expect(b.endpoint.pollTimeout()).to.equal(undefined)

    b.endpoint.expect(a.peer)
    a.endpoint.connect(0, b.peer, [b.address])
    exchange(0, a, b)
    b.endpoint.forget(a.peer.instance)
    expect(names(b)).to.deep.equal(['open'])
    expect([...b.endpoint.links].map(({ state }) => state)).to.deep.equal(['open'])
  })

  it('replaces an older link once a newer one is confirmed, not before', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    a.endpoint.connect(0, b.peer, [b.address])
    exchange(0, a, b)
    events(b)
    b.endpoint.handleDatagram(1, a.address, dial(a, b, 1))
    expect(names(b)).to.deep.equal([])
    exchange(1, a, b)
    expect(names(b)).to.have.members(['open', 'closed'])
    expect([...b.endpoint.links].filter(({ state }) => state === 'open')).to.have.length(1)
  })

  describe('with a relay', () => {
    const SERVER = { host: '203.0.113.2', port: 7_788 }
    const RELAY = { ...SERVER, channel: '0011223344556677', kind: 'relay' } as const
    const KINDS = ['host', 'open', 'observed', 'mapped'] as const
    const CANDIDATES = KINDS.map((kind, i) => ({ host: '192.0.2.77', port: i + 1, kind }))
    const signIn = ({ endpoint }: Node, now = 0): void =>
      endpoint.rendezvous(now, { server: SERVER, token: new Uint8Array(16) })
    const portsOf = (sent: readonly Transmit[], type: number): number[] =>
      sent.filter(({ payload }) => payload[0] === type).map(({ to }) => to.port)

    it('calls through it and those behind no NAT; without one, everybody', () => {
      const [a, b] = [makeNode(1), makeNode(2)]
      a.endpoint.connect(0, b.peer, [...CANDIDATES, RELAY])
      const sent = drain(a, 0)
      expect(portsOf(sent, PacketType.initial)).to.deep.equal([1, 2])
      expect(portsOf(sent, RELAYED)).to.deep.equal([SERVER.port])
      const c = makeNode(3)
      c.endpoint.connect(0, b.peer, CANDIDATES)
      expect(portsOf(drain(c, 0), PacketType.initial)).to.deep.equal([1, 2, 3, 4])
    })

    it('opens the own router towards each address behind a NAT, when it is told of it first', () => {
      const a = makeNode(1)
      const openers = (now: number): Array<[number, number | undefined]> =>
        [...drain(a, now), ...drain(a, now + ms(200))]
          .filter(({ payload }) => payload[0] === OPENER[0])
          .map(({ to, ttl }) => [to.port, ttl])
      a.endpoint.guide(0, 'b', [...CANDIDATES.slice(0, 3), RELAY])
      expect(openers(0)).to.deep.equal([
        [3, 2],
        [3, 4],
      ])
      a.endpoint.guide(s(1), 'b', [...CANDIDATES, RELAY])
      expect(openers(s(1))).to.deep.equal([
        [4, 2],
        [4, 4],
      ])
    })

    it('answers what comes through it there, and nobody else who says that he relays', () => {
      const [a, b] = [makeNode(1), makeNode(2)]
      a.endpoint.connect(0, b.peer, [RELAY])
      const [relayed] = drain(a, 0).filter(({ payload }) => payload[0] === RELAYED)
      b.endpoint.expect(a.peer)
      b.endpoint.handleDatagram(0, SERVER, relayed!.payload)
      expect(drain(b, 0), 'signed in nowhere').to.deep.equal([])
      signIn(b)
      drain(b, 0)
      for (const from of [a.address, { ...SERVER, port: 7_789 }, { ...SERVER, host: '203.0.113.3' }])
        b.endpoint.handleDatagram(0, from, relayed!.payload)
      expect(drain(b, 0)).to.deep.equal([])
      b.endpoint.handleDatagram(0, SERVER, relayed!.payload)
      const [answer] = drain(b, 0)
      expect([answer!.to.host, answer!.to.port, answer!.payload[0]]).to.deep.equal([SERVER.host, SERVER.port, RELAYED])
      expect(readRelayed(answer!.payload)!.channel).to.equal(RELAY.channel)
    })

    it('guesses at a peer four times a minute from many sockets, and once at many ports', () => {
      const a = makeNode(1)
      const at = { host: '198.51.100.2', port: 9 }
      const guesses = (now: number): number[] =>
        Array.from({ length: 6 }, () => a.endpoint.guess(now, 'b', 'sockets', at))
      expect(guesses(0)).to.deep.equal([256, 256, 256, 256, 0, 0])
      expect(guesses(s(59))).to.deep.equal([0, 0, 0, 0, 0, 0])
      expect(guesses(s(60))[0]).to.equal(256)
      for (let i = 0; i < 3; i++) a.endpoint.guess(s(60), 'c', 'ports', at)
      expect(drain(a, s(61))).to.have.lengthOf(1_024)
    })
  })

  describe('under load', () => {
    /** A responder with `count` half-made links, each with somebody else. */
    function busy(count: number): Node {
      const b = makeNode(2)
      for (let i = 0; i < count; i++) {
        const other = makeNode(10 + i)
        b.endpoint.expect(other.peer)
        b.endpoint.handleDatagram(0, other.address, dial(other, b))
      }
      expect(typesOf(drain(b, 0))).to.deep.equal(Array(count).fill(PacketType.response))
      return b
    }

    it('asks for a cookie first, and takes who brings it back', () => {
      const b = busy(16)
      const a = makeNode(1)
      b.endpoint.expect(a.peer)
      b.endpoint.handleDatagram(0, a.address, dial(a, b))
      const asked = drain(b, 0)
      expect(typesOf(asked)).to.deep.equal([PacketType.cookie])
      expect(asked[0]!.payload.byteLength).to.be.below(30)
      a.endpoint.handleDatagram(0, b.address, asked[0]!.payload)
      exchange(0, a, b)
      expect(names(a)).to.deep.equal(['open'])
    })

    /** First messages with a valid mac and nothing behind it, from `host`; each is new. @returns what `b` sends. */
    function flood(
      b: Node,
      now: number,
      count: number,
      host = '198.51.100.1',
      cookie = new Uint8Array(16),
    ): Transmit[] {
      const random = seededBytes(seededRandom(now + 7))
      const sent: Transmit[] = []
      for (let i = 0; i < count; i++) {
        const initial = encodeInitial({ sourceId: random(8), cookie, noise: random(300) }, b.peer.key)
        b.endpoint.handleDatagram(now, { host, port: 9 }, initial)
        sent.push(...drain(b, now))
      }
      return sent
    }

    it('spends public-key work on strangers with a valid mac for so many a second, then asks for a cookie', () => {
      const [a, b] = [makeNode(1), makeNode(2)]
      b.endpoint.expect(a.peer)
      for (let second = 0; second < 5; second++) {
        const sent = flood(b, s(second), 1_000)
        expect(typesOf(sent)).to.deep.equal(Array(1_000 - 64).fill(PacketType.cookie))
      }
      // Somebody real shows theirs and is served at once.
      a.endpoint.connect(s(4), b.peer, [b.address])
      exchange(s(4), a, b)
      expect(names(a)).to.deep.equal(['open'])
      expect(typesOf(flood(b, s(6), 10)), 'when it is quiet again').to.not.include(PacketType.cookie)
    })

    it('costs nothing at all where nobody is expected', () => {
      expect(flood(makeNode(2), 0, 1_000)).to.deep.equal([])
    })

    it('does not let one peer take every place', () => {
      const b = makeNode(2)
      const greedy = makeNode(1)
      b.endpoint.expect(greedy.peer)
      for (let i = 0; i < 12; i++) {
        b.endpoint.handleDatagram(0, greedy.address, dial(greedy, b))
        drain(b, 0)
      }
      expect(links(b)).to.equal(8)
    })
  })

  it('drops datagrams that are nothing, and is none the worse for it', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    for (const bytes of [[], [0], [1], [2], [3], [0x40], [0x41], [0x21], [0xff]]) {
      b.endpoint.handleDatagram(0, a.address, Uint8Array.from(bytes))
      b.endpoint.handleDatagram(0, a.address, Buffer.concat([Uint8Array.from(bytes), new Uint8Array(1_199)]))
    }
    expect(drain(b, 0)).to.deep.equal([])
    a.endpoint.connect(0, b.peer, [b.address])
    exchange(0, a, b)
    expect(names(b)).to.deep.equal(['open'])
  })

  it('reads datagrams that the system joined, and drops what follows the sixty-fourth', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    const link = a.endpoint.connect(0, b.peer, [b.address])
    exchange(0, a, b)
    const stream = link.openStream(0)
    const packets: Uint8Array[] = []
    for (let i = 0; i < 70; i++) {
      link.connection!.streams.write(stream, Uint8Array.of(i))
      a.endpoint.touch(link)
      for (const { payload } of drain(a, i)) packets.push(payload)
    }
    expect(packets).to.have.length.above(64)
    const [responder] = [...b.endpoint.links]
    const before = responder!.stats().packetsReceived
    b.endpoint.handleDatagram(70, a.address, Buffer.concat(packets))
    expect(responder!.stats().packetsReceived - before).to.equal(64)
  })

  for (const first of [0xff, 0x50, 0x40, 0x01, 0x02]) {
    it(`loses one place, and no more, to a forged datagram of type 0x${first.toString(16)} that the system put before a link's`, () => {
      const [a, b] = [makeNode(1), makeNode(2)]
      b.endpoint.expect(a.peer)
      const link = a.endpoint.connect(0, b.peer, [b.address])
      exchange(0, a, b)
      const stream = link.openStream(0)
      /** Ten datagrams of one size. */
      const batch = (now: number): Uint8Array[] => {
        const packets: Uint8Array[] = []
        for (let i = 0; i < 10; i++) {
          link.connection!.streams.write(stream, new Uint8Array(500).fill(i))
          a.endpoint.touch(link)
          packets.push(...drain(a, now).map(({ payload }) => payload))
        }
        return packets.filter(({ byteLength }) => byteLength === packets.at(-1)!.byteLength)
      }
      const [responder] = [...b.endpoint.links]
      const received = (): number => responder!.stats().packetsReceived
      b.endpoint.handleDatagram(1, a.address, Buffer.concat(batch(1)))
      exchange(2, a, b)
      const genuine = batch(3)
      const forged = new Uint8Array(genuine[0]!.byteLength).fill(0xff)
      forged[0] = first
      const before = received()
      b.endpoint.handleDatagram(4, a.address, Buffer.concat([forged, ...genuine]))
      expect(received() - before).to.equal(genuine.length)
    })
  }

  it('puts a large packet of a link together, and takes none from anybody else', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    const link = a.endpoint.connect(0, b.peer, [b.address])
    exchange(0, a, b)
    const [responder] = [...b.endpoint.links]
    const received = (): number => responder!.stats().packetsReceived
    const before = received()
    link.connection!.streams.write(link.openStream(0), new Uint8Array(1_000))
    a.endpoint.touch(link)
    const [sent] = drain(a, 1)
    const shards = new Uint8Array(shardedLength(sent!.payload.byteLength))
    writeShards(sent!.payload, 1, shards)
    b.endpoint.handleDatagram(1, { host: '192.0.2.99', port: 9 }, Uint8Array.from(shards))
    expect(received()).to.equal(before)
    b.endpoint.handleDatagram(1, a.address, shards)
    expect(received()).to.equal(before + 1)
  })

  it('does not look for shards inside a shard', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    a.endpoint.connect(0, b.peer, [b.address])
    exchange(0, a, b)
    let nested = new Uint8Array(50)
    for (let depth = 0; depth < 20_000; depth++) {
      if (nested.byteLength > 1_400) break
      const outer = new Uint8Array(shardedLength(nested.byteLength))
      writeShards(nested, depth, outer)
      nested = outer
    }
    b.endpoint.handleDatagram(1, a.address, nested)
    expect(drain(b, 1)).to.deep.equal([])
  })

  it('takes what it can of joined datagrams that end in nonsense', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    b.endpoint.expect(a.peer)
    b.endpoint.handleDatagram(0, a.address, Buffer.concat([dial(a, b), Uint8Array.of(0x40, 1, 2, 3)]))
    expect(typesOf(drain(b, 0))).to.deep.equal([PacketType.response])
  })

  it('can be touched for a link that is over', () => {
    const [a, b] = [makeNode(1), makeNode(2)]
    const link = a.endpoint.connect(0, b.peer, [b.address])
    link.close(0, 0, '')
    a.endpoint.touch(link)
    drain(a, 0)
    a.endpoint.touch(link)
    expect(drain(a, 0)).to.deep.equal([])
    expect(a.endpoint.pollTimeout()).to.equal(undefined)
    expect(links(a)).to.equal(0)
  })
})
