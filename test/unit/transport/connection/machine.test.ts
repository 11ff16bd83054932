import { expect } from 'chai'
import type { SocketAddress } from '../../../../src/core/transport/endpoint-api.ts'
import type { ConnectionInit } from '../../../../src/core/transport/connection/machine.ts'
import type { ConnectionEvent } from '../../../../src/core/transport/connection/events.ts'
import type { Frame } from '../../../../src/core/transport/frames.ts'
import { LOCAL_PARAMETERS } from '../../../../src/core/transport/transport-parameters.ts'
import { ADDRESS, bytesOn, ConnectionPair, isEnded } from '../../../helpers/connection-pair.ts'
import { RawPeer, spell } from '../../../helpers/raw-peer.ts'
import { ms, s } from '../../../helpers/time.ts'

const types = (events: readonly ConnectionEvent[]): string[] => events.map(({ type }) => type)
const framesOf = (peer: RawPeer): Frame[] => peer.receive().flatMap(({ frames }) => frames)
const closed = (peer: RawPeer): Extract<ConnectionEvent, { type: 'closed' }> | undefined =>
  peer.events().find((event) => event.type === 'closed')
const zeros = (length: number): Uint8Array => new Uint8Array(length)

const RELAY = { host: '203.0.113.2', port: 7_788, channel: '0011223344556677' }

/** Where the connection's packets go now. */
function placesOf({ connection, now }: RawPeer): SocketAddress[] {
  const places: SocketAddress[] = []
  for (let t = connection.pollTransmit(now); t; t = connection.pollTransmit(now)) places.push(t.to)
  return places
}

/** An initiator whose first packet was acknowledged after `rtt`. */
function opened(rtt = ms(20), changes: Partial<ConnectionInit> = {}): RawPeer {
  const peer = new RawPeer(true, changes)
  peer.receive()
  peer.now = rtt
  peer.send([spell.ack([0, 0])])
  peer.events()
  return peer
}

describe('transport/connection/machine', () => {
  describe('opening', () => {
    it('opens the initiator at once, which shows itself with a ping', () => {
      const peer = new RawPeer(true)
      expect(types(peer.events())).to.deep.equal(['open'])
      expect(framesOf(peer)).to.deep.equal([{ type: 'ping' }])
    })

    it('keeps the responder silent and unconfirmed before the first authentic packet', () => {
      const peer = new RawPeer(false)
      peer.connection.streams.open(0)
      peer.connection.probe(0)
      expect(peer.receive()).to.deep.equal([])
      expect(peer.connection.isConfirmed).to.equal(false)
      const forged = peer.seal([spell.ping()])
      forged[20]! ^= 1
      peer.connection.handlePacket(0, ADDRESS.a, forged)
      expect(peer.connection.isConfirmed).to.equal(false)
      expect(peer.events()).to.deep.equal([])
      peer.send([spell.ping()])
      expect(peer.connection.isConfirmed).to.equal(true)
      expect(peer.connection.remote).to.deep.equal(ADDRESS.a)
      expect(types(peer.events())).to.deep.equal(['open'])
    })

    it('tells open before the data that came in the same packet', () => {
      const peer = new RawPeer(false)
      peer.send([spell.stream(0, 0, zeros(3))])
      expect(types(peer.events())).to.deep.equal(['open', 'data'])
    })

    it('lets a responder that was never confirmed end without a word to anybody', () => {
      const peer = new RawPeer(false)
      peer.connection.close(0, 0, 'too late')
      expect(peer.connection.isDrained).to.equal(true)
      expect(peer.receive()).to.deep.equal([])
      expect(peer.events()).to.deep.equal([])
    })
  })

  describe('packets', () => {
    it('are dropped when they are forged, cut or come twice', () => {
      const peer = opened()
      const packet = peer.seal([spell.stream(1, 0, zeros(5))])
      const before = peer.connection.stats().packetsReceived
      for (let length = 0; length < packet.byteLength; length++) {
        peer.connection.handlePacket(peer.now, ADDRESS.b, Uint8Array.from(packet.subarray(0, length)))
      }
      for (let at = 0; at < packet.byteLength; at++) {
        const changed = Uint8Array.from(packet)
        changed[at]! ^= 0x80
        // Connection ids are the endpoint's to check, and are authenticated all the same.
        peer.connection.handlePacket(peer.now, ADDRESS.b, changed)
      }
      expect(peer.events()).to.deep.equal([])
      const copy = Uint8Array.from(packet)
      peer.connection.handlePacket(peer.now, ADDRESS.b, packet)
      peer.connection.handlePacket(peer.now, ADDRESS.b, copy)
      expect(types(peer.events())).to.deep.equal(['data'])
      expect(peer.connection.stats().packetsReceived - before).to.equal(1)
    })

    it('count as received in packets and bytes, and as sent', () => {
      const pair = new ConnectionPair().exchange()
      const [a, b] = [pair.a.connection.stats(), pair.b.connection.stats()]
      expect(a.packetsSent).to.equal(b.packetsReceived)
      expect(a.bytesSent).to.equal(b.bytesReceived)
      expect(b.packetsSent).to.equal(a.packetsReceived)
    })

    it('never exceed 1,200 bytes, whatever they carry', () => {
      const peer = opened()
      for (let n = 40; n > 0; n--) peer.send([spell.ping()], n * 2)
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(50_000))
      const sizes = peer.receive().map(({ bytes }) => bytes)
      expect(Math.max(...sizes)).to.be.at.most(1_200)
      expect(sizes[1]).to.be.above(1_150)
    })
  })

  describe('streams', () => {
    it('carry bytes both ways, to the end', () => {
      const pair = new ConnectionPair().exchange()
      const stream = pair.a.connection.streams.open(0)
      pair.a.connection.streams.write(stream, Buffer.from('there'))
      pair.a.connection.streams.finish(stream)
      pair.pass(ms(100))
      expect(bytesOn(pair.b, stream).toString()).to.equal('there')
      expect(isEnded(pair.b, stream)).to.equal(true)
      pair.b.connection.streams.write(stream, Buffer.from('and back'))
      pair.b.connection.streams.finish(stream)
      pair.pass(ms(100))
      expect(bytesOn(pair.a, stream).toString()).to.equal('and back')
      expect(isEnded(pair.a, stream)).to.equal(true)
    })

    it('carry more than every window, because the windows move', () => {
      const pair = new ConnectionPair().exchange()
      const size = LOCAL_PARAMETERS.initialMaxData * 3
      const stream = pair.a.connection.streams.open(0)
      const bytes = Buffer.alloc(size, 'window')
      let written = 0
      for (let i = 0; written < size && i < 20_000; i++) {
        written += pair.a.connection.streams.write(stream, bytes.subarray(written))
        pair.pass(ms(2))
        pair.b.events.splice(0, pair.b.events.length - 1)
      }
      expect(written).to.equal(size)
    })
  })

  describe('acknowledgements', () => {
    it('end the connection when they acknowledge what was never sent', () => {
      const peer = opened()
      peer.send([spell.ack([0, 1])])
      expect(closed(peer)).to.include({ kind: 'protocol', code: 0x02 })
    })

    it('of packets alone that carry nothing are never sent', () => {
      const peer = opened()
      for (let i = 0; i < 50; i++) peer.send([spell.ack([0, 0])])
      peer.now += s(1)
      peer.connection.handleTimeout(peer.now)
      expect(peer.receive().flatMap(({ frames }) => frames.map(({ type }) => type))).to.not.include('ack')
    })

    it('go with data that goes anyway', () => {
      const peer = opened()
      peer.send([spell.ping()])
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(1))
      expect(framesOf(peer).map(({ type }) => type)).to.deep.equal(['ack', 'stream'])
    })

    it('go alone when they are due, however full the window is', () => {
      const peer = opened()
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(100_000))
      peer.receive()
      peer.now += ms(200)
      peer.receive()
      peer.send([spell.ping()])
      peer.send([spell.ping()])
      expect(framesOf(peer).map(({ type }) => type)).to.deep.equal(['ack'])
    })
  })

  describe('recovery', () => {
    it('sends again what was lost, under another packet number', () => {
      const peer = opened()
      const stream = peer.connection.streams.open(0)
      const sent = []
      for (let i = 0; i < 4; i++) {
        peer.connection.streams.write(stream, zeros(10))
        sent.push(...peer.receive())
      }
      peer.now += ms(20)
      peer.send([spell.ack([sent[1]!.packetNumber, sent[3]!.packetNumber])])
      const again = peer.receive()
      expect(again).to.have.length(1)
      expect(again[0]!.packetNumber).to.be.above(sent[3]!.packetNumber)
      expect(again[0]!.frames).to.deep.include({
        type: 'stream',
        stream,
        offset: 0,
        fin: false,
        data: Buffer.alloc(10),
      })
      expect(peer.connection.stats().packetsLost).to.equal(1)
    })

    it('measures the round trip with an ACK before it judges by it what is lost', () => {
      const peer = new RawPeer(true)
      peer.receive()
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(1))
      const [first] = peer.receive()
      peer.connection.streams.write(stream, zeros(1))
      const [second] = peer.receive()
      peer.now = ms(10)
      peer.send([spell.ack([second!.packetNumber, second!.packetNumber])])
      // The first sample is 10 ms: what was overtaken is given 9/8 of that, not of the 333 ms assumed before.
      expect(peer.connection.pollTimeout()).to.equal(ms(11.25))
      peer.now = ms(11.25)
      peer.connection.handleTimeout(peer.now)
      expect(peer.connection.stats().packetsLost).to.equal(2)
      expect(framesOf(peer)).to.deep.include({ type: 'stream', stream, offset: 0, fin: false, data: Buffer.alloc(1) })
      expect(first!.packetNumber).to.be.below(second!.packetNumber)
    })

    it('sends its oldest content again when nothing is acknowledged, once, then twice', () => {
      const peer = opened()
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, Buffer.from('x'))
      peer.receive()
      for (const probes of [1, 2, 2]) {
        peer.now = peer.connection.pollTimeout()!
        peer.connection.handleTimeout(peer.now)
        const packets = peer.receive()
        expect(packets).to.have.length(probes)
        expect(packets[0]!.frames[0]).to.include({ type: 'stream', offset: 0 })
      }
    })

    it('stops at the congestion window and goes on when it is acknowledged', () => {
      const peer = opened()
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(200_000))
      let bytes = 0
      let last = 0
      const run = (): number => {
        bytes = 0
        for (let i = 0; i < 50; i++, peer.now += ms(1)) {
          for (const packet of peer.receive()) {
            bytes += packet.bytes
            last = packet.packetNumber
          }
        }
        return bytes
      }
      const { cwnd } = peer.connection.stats()
      expect(run()).to.be.within(cwnd - 1_200, cwnd)
      peer.send([spell.ack([0, last])])
      expect(run()).to.be.above(cwnd)
    })

    it('learns nothing about the path from a window that was not half used', () => {
      const peer = opened()
      const { cwnd } = peer.connection.stats()
      const stream = peer.connection.streams.open(0)
      for (let i = 0; i < 20; i++) {
        peer.connection.streams.write(stream, zeros(3_000))
        const numbers = peer.receive().map(({ packetNumber }) => packetNumber)
        expect(numbers).to.have.length(3)
        peer.now += ms(20)
        // The first two had more behind them; the last one says by itself that there was nothing more.
        peer.send([spell.ack([numbers[0]!, numbers[1]!])])
        peer.send([spell.ack([numbers[0]!, numbers[2]!])])
      }
      expect(peer.connection.stats().cwnd).to.equal(cwnd)
    })

    it('spreads a window over the round trip', () => {
      const peer = opened(ms(100))
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(200_000))
      const first = peer.receive()
      const last = first.at(-1)!.packetNumber
      peer.now += ms(100)
      peer.send([spell.ack([0, last])])
      const next = peer.receive().length
      expect(next).to.be.at.most(11)
      const at = peer.connection.pollTimeout()!
      expect(at).to.be.within(peer.now + 1, peer.now + ms(100))
      peer.now = at
      peer.connection.handleTimeout(at)
      expect(peer.receive().length).to.be.at.least(1)
    })

    it('keeps its timer in the future once it was served, so that it cannot loop', () => {
      const peer = opened()
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(300_000))
      for (let i = 0; i < 400; i++) {
        peer.receive()
        const at = peer.connection.pollTimeout()
        if (at === undefined || peer.connection.isClosed) break
        expect(at, `round ${i}`).to.be.above(peer.now)
        peer.now = at
        peer.connection.handleTimeout(peer.now)
      }
      expect(peer.connection.isClosed).to.equal(true)
    })
  })

  describe('liveness', () => {
    it('pings in silence and ends as idle when nothing answers', () => {
      const peer = opened()
      let pings = 0
      for (let i = 0; i < 1_000 && !peer.connection.isClosed; i++) {
        peer.now = peer.connection.pollTimeout()!
        peer.connection.handleTimeout(peer.now)
        pings += framesOf(peer).filter(({ type }) => type === 'ping').length
      }
      expect(pings).to.be.at.least(3)
      expect(peer.now).to.be.within(s(30), s(31))
      expect(closed(peer)).to.include({ kind: 'idle' })
      expect(peer.connection.isDrained).to.equal(true)
      expect(peer.connection.pollTimeout()).to.equal(undefined)
    })

    it('lives as long as anything authentic is heard', () => {
      const pair = new ConnectionPair().exchange().pass(s(600))
      expect(pair.a.connection.isClosed).to.equal(false)
      expect(pair.b.connection.isClosed).to.equal(false)
    })

    it('ends within three seconds when asked for a sign of life that does not come', () => {
      const peer = opened()
      peer.connection.probe(peer.now)
      const start = peer.now
      for (let i = 0; i < 100 && !peer.connection.isClosed; i++) {
        peer.receive()
        peer.now = peer.connection.pollTimeout()!
        peer.connection.handleTimeout(peer.now)
      }
      expect(peer.now - start).to.equal(s(3))
    })

    it('does not believe a round trip that was measured across a standstill of the process', () => {
      const peer = opened(ms(20))
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(1))
      const [packet] = peer.receive()
      const { srtt } = peer.connection.stats()
      peer.now = peer.connection.pollTimeout()! + ms(500)
      peer.connection.handleTimeout(peer.now)
      peer.send([spell.ack([packet!.packetNumber, packet!.packetNumber])])
      expect(peer.connection.stats().srtt).to.equal(srtt)
    })

    it('gives the peer a fresh chance after the machine slept', () => {
      const peer = opened()
      peer.now += s(3_600)
      peer.connection.handleTimeout(peer.now)
      expect(peer.connection.isClosed).to.equal(false)
      expect(framesOf(peer)).to.deep.include({ type: 'ping' })
      const woken = peer.now
      for (let i = 0; i < 100 && !peer.connection.isClosed; i++) {
        peer.now = peer.connection.pollTimeout()!
        peer.connection.handleTimeout(peer.now)
        peer.receive()
      }
      expect(peer.now - woken).to.equal(s(3))
    })

    it('does not take what is due at once for a timer that was late', () => {
      const peer = opened(ms(20), { remote: RELAY })
      const startedAt = peer.now
      while (!peer.connection.isClosed && peer.now < s(120)) {
        peer.now = Math.max(peer.now, peer.connection.pollTimeout()!)
        // Ports are guessed in the same turn of the event loop.
        peer.connection.guess(peer.now, ADDRESS.b, 1)
        peer.connection.handleTimeout(peer.now)
        peer.receive()
      }
      expect(peer.now - startedAt).to.be.at.most(s(31))
    })
  })

  describe('paths', () => {
    const ELSEWHERE = { host: '198.51.100.9', port: 9 }
    /** A responder whose peer was heard at its place, and what it sends elsewhere once a packet with those frames came from there. */
    const askedBack = (frames: Uint8Array[], isLate = false): number => {
      const peer = new RawPeer(false)
      peer.send([spell.ping()], 5)
      peer.receive()
      peer.connection.handlePacket(peer.now, ELSEWHERE, peer.seal(frames, isLate ? 3 : 6))
      peer.connection.handleTimeout(peer.now)
      return placesOf(peer).filter(({ host }) => host === ELSEWHERE.host).length
    }

    it('are asked where the newest packet came from, but not for an older one', () => {
      expect(askedBack([spell.ping()])).to.equal(1)
      expect(askedBack([spell.ping()], true)).to.equal(0)
    })

    it('are left as they are by packets that are about paths: those are answered, and that is all', () => {
      expect(askedBack([spell.challenge(zeros(8))])).to.equal(1)
      expect(askedBack([spell.challenge(zeros(8)), spell.ping()])).to.equal(2)
    })

    it('count what comes and goes by the relay, once', () => {
      const peer = new RawPeer(false)
      const packet = peer.seal([spell.ping()])
      const again = Uint8Array.from(packet)
      peer.connection.handlePacket(0, RELAY, packet)
      peer.connection.handlePacket(0, RELAY, again)
      expect(peer.connection.stats().bytesRelayed).to.equal(packet.byteLength)
      peer.now = s(1)
      peer.connection.handleTimeout(peer.now)
      const sent = peer.receive().reduce((sum, { bytes }) => sum + bytes, 0)
      expect(sent).to.be.above(0)
      expect(peer.connection.stats().bytesRelayed).to.equal(packet.byteLength + sent)
      peer.connection.handlePacket(peer.now, ADDRESS.a, peer.seal([spell.ping()]))
      expect(peer.connection.stats().bytesRelayed).to.equal(packet.byteLength + sent)
    })
  })

  describe('closing', () => {
    it('says so by the other way, too, while the path is doubted', () => {
      const peer = opened(ms(20), { candidates: [RELAY] })
      peer.now += s(10)
      peer.connection.streams.open(0)
      peer.connection.streams.write(0, zeros(1))
      peer.receive()
      peer.connection.close(peer.now, 0, '')
      expect(placesOf(peer)).to.deep.equal([ADDRESS.b, RELAY])
      expect(peer.connection.stats().bytesRelayed).to.be.above(0)
    })

    it('says so again where the peer is now, who may not hear it at the old place', () => {
      const peer = opened()
      peer.connection.close(peer.now, 0, '')
      expect(placesOf(peer)).to.deep.equal([ADDRESS.b])
      peer.connection.handlePacket(peer.now, RELAY, peer.seal([spell.ping()]))
      expect(placesOf(peer)).to.deep.equal([RELAY])
    })

    it('tells the peer code and reason, and both ends', () => {
      const pair = new ConnectionPair().exchange()
      pair.a.connection.close(pair.now, 7, 'bye')
      pair.exchange()
      expect(pair.a.events.at(-1)).to.deep.equal({ type: 'closed', kind: 'local', code: 7, reason: 'bye' })
      expect(pair.b.events.at(-1)).to.deep.equal({ type: 'closed', kind: 'remote', code: 7, reason: 'bye' })
      expect(pair.b.connection.isDrained).to.equal(true)
      pair.pass(s(10))
      expect(pair.a.connection.isDrained).to.equal(true)
      expect(pair.a.connection.pollTimeout()).to.equal(undefined)
    })

    it('gives its CLOSE three probe timeouts to arrive, and ten seconds in any case', () => {
      const near = opened(ms(20))
      near.connection.close(near.now, 0, '')
      expect(near.connection.pollTimeout()).to.equal(near.now + s(10))
      // srtt 2 s and rttvar 1 s: a probe timeout of 6 s.
      const far = opened(s(2))
      far.connection.close(far.now, 0, '')
      expect(far.connection.pollTimeout()).to.equal(far.now + s(18))
    })

    it('happens once', () => {
      const peer = opened()
      peer.connection.close(peer.now, 1, 'first')
      peer.connection.close(peer.now, 2, 'second')
      expect(peer.events()).to.deep.equal([{ type: 'closed', kind: 'local', code: 1, reason: 'first' }])
      expect(framesOf(peer)).to.deep.equal([{ type: 'close', code: 1, reason: 'first' }])
    })

    it('says it again to a peer that goes on talking, a few times', () => {
      const peer = opened()
      peer.connection.close(peer.now, 1, 'over')
      peer.receive()
      let answers = 0
      for (let i = 0; i < 100; i++) {
        peer.send([spell.ping()])
        answers += peer.receive().length
      }
      expect(answers).to.equal(8)
    })

    it('delivers nothing that comes later', () => {
      const peer = opened()
      peer.connection.close(peer.now, 0, '')
      peer.events()
      peer.send([spell.stream(1, 0, zeros(5), true)])
      expect(peer.events()).to.deep.equal([])
    })

    it('sends nothing but CLOSE, whatever was written before', () => {
      const peer = opened()
      const stream = peer.connection.streams.open(0)
      peer.connection.streams.write(stream, zeros(5_000))
      peer.connection.close(peer.now, 0, '')
      expect(framesOf(peer).map(({ type }) => type)).to.deep.equal(['close'])
      peer.connection.streams.write(stream, zeros(5_000))
      expect(peer.receive()).to.deep.equal([])
    })

    it('cuts a long reason so that its packet stays small', () => {
      const peer = opened()
      peer.connection.close(peer.now, 0, 'é'.repeat(2_000))
      const [packet] = peer.receive()
      expect(packet!.bytes).to.be.below(200)
    })

    it('does not answer a CLOSE', () => {
      const peer = opened()
      peer.send([spell.close(9, 'gone')])
      expect(closed(peer)).to.deep.equal({ type: 'closed', kind: 'remote', code: 9, reason: 'gone' })
      peer.send([spell.ping()])
      expect(peer.receive()).to.deep.equal([])
    })
  })

  describe('a peer that breaks the rules', () => {
    const crimes: Record<string, Uint8Array[]> = {
      'an unknown frame': [Uint8Array.of(0x3f)],
      'a frame that is cut short': [Uint8Array.of(0x08, 0, 0, 9, 1)],
      'data beyond the window of a stream': [spell.stream(1, LOCAL_PARAMETERS.initialMaxStreamData, zeros(1))],
      'a stream beyond the limit': [spell.stream(1 + 2 * LOCAL_PARAMETERS.initialMaxStreams, 0, zeros(1))],
      'a stream of ours that we never opened': [spell.stream(0, 0, zeros(1))],
      'a final size that shrinks': [spell.stream(1, 0, zeros(9)), spell.reset(1, 0, 3)],
      'data beyond the end': [spell.stream(1, 0, zeros(2), true), spell.stream(1, 2, zeros(1))],
      'an end that moves': [spell.stream(1, 5, zeros(2), true), spell.stream(1, 5, zeros(1), true)],
    }
    for (const [name, frames] of Object.entries(crimes)) {
      it(`is told its fault and nothing else: ${name}`, () => {
        const peer = opened()
        peer.send(frames)
        expect(closed(peer)).to.include({ kind: 'protocol', code: 0x02 })
        expect(framesOf(peer)).to.have.length(1)
        expect(peer.connection.isClosed).to.equal(true)
      })
    }
  })

  describe('key updates', () => {
    it('carry a connection through fresh secrets every fifteen minutes', () => {
      const pair = new ConnectionPair().exchange()
      for (let i = 1; i <= 4; i++) {
        pair.pass(s(16 * 60))
        expect(pair.a.connection.stats().keyPhase, `round ${i}`).to.equal(i)
        expect(pair.b.connection.stats().keyPhase, `round ${i}`).to.equal(i)
      }
      const stream = pair.b.connection.streams.open(0)
      pair.b.connection.streams.write(stream, Buffer.from('still here'))
      pair.pass(ms(100))
      expect(bytesOn(pair.a, stream).toString()).to.equal('still here')
    })
  })
})
