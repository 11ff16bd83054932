import { expect } from 'chai'
import fc from 'fast-check'
import { bytesOn, ConnectionPair, isEnded, type Side } from '../helpers/connection-pair.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair, receivedOn, type End } from '../helpers/linked-pair.ts'
import { PATHS } from '../helpers/network.ts'
import { seededBytes, seededRandom } from '../helpers/random.ts'
import { RawPeer, spell } from '../helpers/raw-peer.ts'
import { ms, s } from '../helpers/time.ts'

/** Datagrams that nobody should believe, over all seeds: `FUZZ_MUTATIONS=1000000` for a night. */
const MUTATIONS = Number(process.env['FUZZ_MUTATIONS'] ?? 20_000)

/** Recognisable bytes: position and stream matter. */
const pattern = (length: number, salt: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 31 + salt * 17 + (i >> 8)) & 0xff))

/** What happens to each packet of a pair in turn: one of the arbitrary's verdicts, over and over. */
type Fate = 'pass' | 'drop' | 'twice' | 'late'

/** Carries what both sides send while the clock goes on: with the fates given for ten seconds, then without any. */
function carry(pair: ConnectionPair, fates: readonly Fate[], isDone: () => boolean): void {
  const late: Array<{ to: Side; packet: Uint8Array; at: number }> = []
  const calmAt = pair.now + s(10)
  let turn = 0
  for (let round = 0; !isDone(); round++) {
    if (round > 20_000) throw new Error('they are stuck')
    for (const side of [pair.a, pair.b]) {
      const to = pair.other(side)
      for (const packet of pair.packets(side)) {
        const fate = pair.now < calmAt ? fates[turn++ % fates.length]! : 'pass'
        if (fate === 'drop') continue
        if (fate === 'late') late.push({ to, packet, at: pair.now + ms(1 + (turn % 90)) })
        else late.push({ to, packet, at: pair.now + ms(5) })
        if (fate === 'twice') late.push({ to, packet, at: pair.now + ms(5 + (turn % 30)) })
      }
      pair.collect(side)
    }
    const timers = [pair.a, pair.b].map(({ connection }) => connection.pollTimeout() ?? Infinity)
    pair.now = Math.max(pair.now, Math.min(...timers, ...late.map(({ at }) => at)))
    late.sort((a, b) => a.at - b.at)
    while (late[0] && late[0].at <= pair.now) {
      const { to, packet } = late.shift()!
      pair.deliver(to, packet)
    }
    for (const side of [pair.a, pair.b]) {
      side.connection.handleTimeout(pair.now)
      pair.collect(side)
    }
  }
}

describe('fuzz: a pair of connections', () => {
  it('delivers exactly the bytes that were written, under any loss, reordering and duplication', () => {
    const fate = fc.oneof(
      { weight: 6, arbitrary: fc.constant<Fate>('pass') },
      { weight: 2, arbitrary: fc.constant<Fate>('drop') },
      { weight: 1, arbitrary: fc.constant<Fate>('twice') },
      { weight: 2, arbitrary: fc.constant<Fate>('late') },
    )
    const fates = fc.array(fate, { minLength: 3, maxLength: 60 }).filter((all) => all.some((one) => one !== 'drop'))
    const streams = fc.array(
      fc.record({
        isFromA: fc.boolean(),
        priority: fc.nat(3),
        sizes: fc.array(fc.nat(30_000), { minLength: 1, maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(fates, streams, (fates, plans) => {
        const pair = new ConnectionPair()
        carry(pair, ['pass'], () => pair.b.connection.isConfirmed)
        const sent = plans.map(({ isFromA, priority, sizes }, salt) => {
          const from = isFromA ? pair.a : pair.b
          const id = from.connection.streams.open(priority)
          const chunks = sizes.map((size, i) => pattern(size, salt * 10 + i))
          for (const chunk of chunks) expect(from.connection.streams.write(id, chunk)).to.equal(chunk.byteLength)
          from.connection.streams.finish(id)
          return { to: pair.other(from), id, bytes: Buffer.concat(chunks) }
        })
        carry(pair, fates, () => sent.every(({ to, id }) => isEnded(to, id)))
        for (const { to, id, bytes } of sent) {
          expect(bytesOn(to, id).equals(bytes)).to.equal(true)
          expect(to.events.filter((event) => event.type === 'data' && event.stream === id && event.fin)).to.have.length(
            1,
          )
        }
        expect(pair.a.connection.isClosed || pair.b.connection.isClosed).to.equal(false)
      }),
      { numRuns: 100 },
    )
  })

  it('changes its keys in the middle of a transfer, under any loss, reordering and duplication', () => {
    const fates = fc
      .array(fc.constantFrom<Fate>('pass', 'pass', 'pass', 'drop', 'twice', 'late'), { minLength: 3, maxLength: 60 })
      .filter((all) => all.some((one) => one !== 'drop'))
    fc.assert(
      fc.property(fates, fc.nat(1_000), (fates, before) => {
        const pair = new ConnectionPair()
        pair.exchange().pass(s(15 * 60) - ms(before))
        const sent = [pair.a, pair.b].map((from, salt) => {
          const id = from.connection.streams.open(0)
          const bytes = pattern(60_000, salt)
          from.connection.streams.write(id, bytes)
          from.connection.streams.finish(id)
          return { to: pair.other(from), id, bytes }
        })
        carry(pair, fates, () => sent.every(({ to, id }) => isEnded(to, id)))
        for (const { to, id, bytes } of sent) expect(bytesOn(to, id).equals(bytes)).to.equal(true)
        // Whatever was late of the exchange goes on now that nothing is lost.
        pair.pass(s(30))
        const phases = [pair.a, pair.b].map(({ connection }) => connection.stats().keyPhase)
        expect(phases).to.deep.equal([1, 1])
      }),
      { numRuns: 40 },
    )
  })

  it('survives any authentic frames of a hostile peer: it goes on, or it closes, and never throws', () => {
    const number = fc.oneof(fc.nat(12), fc.nat(2 ** 21), fc.maxSafeNat())
    const frame = fc.oneof(
      fc
        .tuple(number, number, fc.nat(40), fc.boolean())
        .map(([id, at, n, fin]) => spell.stream(id, at, new Uint8Array(n), fin)),
      fc.tuple(number, number, number).map((values) => spell.reset(...values)),
      fc.tuple(number, number).map((values) => spell.stop(...values)),
      fc.tuple(number, number).map((values) => spell.maxStreamData(...values)),
      number.map(spell.maxData),
      number.map(spell.maxStreams),
      fc.tuple(fc.nat(6), fc.nat(6)).map(([a, b]) => spell.ack([Math.min(a, b), Math.max(a, b)])),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map(spell.rekey),
      fc.constant(spell.ping()),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
    )
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.array(frame, { minLength: 1, maxLength: 4 }), { maxLength: 30 }),
        (isInitiator, packets) => {
          const peer = new RawPeer(isInitiator)
          peer.send([spell.ping()])
          const stream = peer.connection.streams.open(0)
          peer.connection.streams.write(stream, new Uint8Array(20_000))
          for (const frames of packets) {
            peer.send(frames)
            peer.now += ms(3)
            while (peer.connection.pollTransmit(peer.now));
            const before = peer.connection.pollTimeout()
            if (before !== undefined && before <= peer.now) peer.connection.handleTimeout(peer.now)
            peer.events()
          }
          for (let i = 0; i < 400 && !peer.connection.isDrained; i++) {
            while (peer.connection.pollTransmit(peer.now));
            const at = peer.connection.pollTimeout()!
            expect(at).to.be.above(peer.now - 1)
            peer.now = Math.max(at, peer.now + 1)
            peer.connection.handleTimeout(peer.now)
            peer.events()
          }
          expect(peer.connection.isDrained).to.equal(true)
        },
      ),
      { numRuns: 400 },
    )
  })
})

describe('fuzz: an endpoint with a live link', () => {
  /** Two endpoints with an open link over which something was said both ways. */
  function live(seed: number): { pair: LinkedPair; chat: number } {
    const pair = new LinkedPair(PATHS.LAN, seed).open()
    const chat = pair.a.link!.openStream(0)
    say(pair, pair.a, chat, 'hello')
    say(pair, pair.b, chat, 'hello yourself')
    return { pair, chat }
  }

  function say(pair: LinkedPair, from: End, stream: number, text: string): void {
    const to = from === pair.a ? pair.b : pair.a
    const before = receivedOn(to, stream).toString()
    pair.write(from, stream, Buffer.from(text))
    pair.network.run(() => receivedOn(to, stream).toString() === before + text, s(5))
  }

  const packetsReceived = (end: End): number => end.link!.connection!.stats().packetsReceived

  forSeeds(import.meta.url, 'takes nothing of mutated and random datagrams, does not throw, and goes on', 2, (seed) => {
    const { pair, chat } = live(seed)
    const random = seededRandom(seed)
    const bytes = seededBytes(random)
    pair.network.pass(s(1))
    const recorded = pair.network.recorded.filter(({ to }) => to.host === 'b').map(({ payload }) => payload)
    // Packets that never arrived: nothing but their seal stands between a change in them and b's streams.
    pair.write(pair.a, chat, pattern(30_000, seed))
    const fresh: Uint8Array[] = []
    for (let t = pair.a.endpoint.pollTransmit(pair.network.now); t; t = pair.a.endpoint.pollTransmit(pair.network.now))
      fresh.push(Uint8Array.from(t.payload))
    expect(fresh.length).to.be.above(5)
    const before = packetsReceived(pair.b)
    const links = [...pair.b.endpoint.links].length
    let answers = 0
    for (let i = 0; i < MUTATIONS / 2; i++) {
      const from = random() < 0.5 ? { host: 'a', port: 1 } : { host: 'stranger', port: Math.floor(random() * 65_535) }
      const original = random() < 0.5 ? fresh : recorded
      const payload = Uint8Array.from(
        random() < 0.2 ? bytes(Math.floor(random() * 120)) : original[Math.floor(random() * original.length)]!,
      )
      const length = random() < 0.2 ? Math.floor(random() * payload.byteLength) : payload.byteLength
      // Each at a place of its own: two changes of one byte might undo each other.
      const places = new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => Math.floor(random() * length)))
      for (const at of places) payload[at]! ^= 1 + Math.floor(random() * 255)
      pair.b.endpoint.handleDatagram(pair.network.now, from, payload.subarray(0, length))
      while (pair.b.endpoint.pollTransmit(pair.network.now)) answers++
    }
    expect(packetsReceived(pair.b)).to.equal(before)
    expect([...pair.b.endpoint.links].length).to.equal(links)
    expect(receivedOn(pair.b, chat).toString()).to.equal('hello')
    expect(answers, 'answers to what nobody said').to.equal(0)
    // What was taken off the path counts as lost: it goes again.
    const said = `hello${pattern(30_000, seed).toString()}`
    pair.network.run(() => receivedOn(pair.b, chat).toString() === said, s(5))
    say(pair, pair.a, chat, ', still there?')
    say(pair, pair.b, chat, ', yes')
    expect(pair.a.closed ?? pair.b.closed).to.equal(undefined)
  }).timeout(20_000 + MUTATIONS)

  forSeeds(import.meta.url, 'delivers nothing twice when every recorded packet is replayed', 2, (seed) => {
    const { pair, chat } = live(seed)
    pair.write(pair.a, chat, pattern(40_000, seed))
    pair.finish(pair.a, chat)
    pair.network.run(() => pair.b.finished.has(chat), s(10))
    // Long enough that the flow has been asked about once.
    pair.network.pass(s(2))
    const expected = [pair.a, pair.b].map((end) => receivedOn(end, chat).toString('hex'))
    const counts = [pair.a, pair.b].map(packetsReceived)
    const all = [...pair.network.recorded]
    for (const { from, to, payload } of [...all, ...all.toReversed()]) pair.network.inject(from, to, payload)
    pair.network.pass(s(2))
    expect([pair.a, pair.b].map((end) => receivedOn(end, chat).toString('hex'))).to.deep.equal(expected)
    expect([pair.a, pair.b].map(packetsReceived)).to.deep.equal(counts)
    pair.network.pass(s(12))
    expect(pair.a.closed ?? pair.b.closed).to.equal(undefined)
    expect([...pair.b.endpoint.links].length).to.equal(1)
    say(pair, pair.b, chat, ' and goodbye')
  })

  forSeeds(
    import.meta.url,
    'moves nowhere when every packet of a session is replayed from somewhere else',
    2,
    (seed) => {
      const { pair, chat } = live(seed)
      pair.write(pair.a, chat, pattern(200_000, seed))
      pair.finish(pair.a, chat)
      pair.network.run(() => pair.b.finished.has(chat), s(10))
      pair.network.pass(s(1))
      const counts = [pair.a, pair.b].map(packetsReceived)
      const all = [...pair.network.recorded]
      const before = pair.network.recorded.length
      let given = 0
      for (const { to, payload } of all) {
        given += payload.byteLength
        pair.network.inject({ host: 'stranger', port: 7 }, to, payload)
      }
      pair.network.pass(s(12))
      const taken = pair.network.recorded.slice(before).filter(({ to }) => to.host === 'stranger')
      expect(taken.reduce((sum, { payload }) => sum + payload.byteLength, 0)).to.be.at.most(given)
      expect([pair.a, pair.b].map(({ link }) => link!.stats().remote.host)).to.deep.equal(['b', 'a'])
      expect(packetsReceived(pair.b) - counts[1]!, 'keepalives').to.be.at.most(6)
      say(pair, pair.b, chat, ' and goodbye')
    },
  )
})
