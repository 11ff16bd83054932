import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { Connection } from '../../../src/core/transport/connection/machine.ts'
import type { Trace, TraceEvent } from '../../../src/core/transport/trace.ts'
import { ConnectionPair, connectionInit } from '../../helpers/connection-pair.ts'
import { ms, s } from '../../helpers/time.ts'

type Members<Name, Event = TraceEvent> = Event extends TraceEvent
  ? Name extends Event['name']
    ? ReadonlyArray<Exclude<keyof Event, 'time' | 'link' | 'name'>>
    : never
  : never

// The compiler checks that these are the events there are, and that each has these members.
const EVENTS: { readonly [Name in TraceEvent['name']]: Members<Name> } = {
  connection_started: ['address', 'port', 'is_initiator'],
  packet_sent: ['packet_number', 'length'],
  packet_received: ['packet_number', 'length'],
  packets_acked: ['packet_numbers'],
  packet_lost: ['packet_number', 'trigger'],
  metrics_updated: [
    'congestion_window',
    'bytes_in_flight',
    'smoothed_rtt',
    'min_rtt',
    'delivery_rate',
    'pacing_rate',
    'datagram_size',
    'controller',
  ],
  path_changed: ['address', 'port'],
  connection_closed: ['trigger', 'code', 'reason'],
}

/** A link that sends, loses, moves to another address and closes; the initiator's trace. */
function eventful(): { pair: ConnectionPair; events: TraceEvent[] } {
  const events: TraceEvent[] = []
  const pair = new ConnectionPair()
  const { a, b } = pair
  const trace: Trace = (event) => events.push(event)
  Object.assign(a, { connection: new Connection(connectionInit(true, { trace })) })
  pair.exchange()
  const stream = a.connection.streams.open(0)
  a.connection.streams.write(stream, new Uint8Array(400_000))
  for (let round = 0; round < 40; round++) {
    pair.now += ms(10)
    for (const side of [a, b]) {
      side.connection.handleTimeout(pair.now)
      for (const [i, packet] of pair.packets(side).entries())
        if (round !== 3 || i % 2 === 1 || side === b) pair.deliver(pair.other(side), packet)
    }
  }
  return { pair, events }
}

describe('transport/trace', () => {
  it('is what docs/TRACES.md says, event by event', () => {
    const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'TRACES.md'), 'utf8')
    const rows = text.split('\n').filter((line) => /^\| `\w+` \| `/u.test(line))
    const documented = rows.map((row) => {
      const [, name, members] = row.split(' | ').join('|').split('|')
      return [name!.replaceAll(/[`\s]/gu, ''), members!.replaceAll(/[`\s]/gu, '').split(',')]
    })
    expect(Object.fromEntries(documented)).to.deep.equal({ ...EVENTS, events_dropped: ['count'] })
    for (const trigger of [
      'reordering_threshold',
      'time_threshold',
      'local',
      'remote',
      'idle',
      'unanswered',
      'protocol',
    ])
      expect(text).to.contain(`\`${trigger}\``)
  })

  it('has the members that it is said to have', () => {
    const { pair, events } = eventful()
    pair.a.connection.close(pair.now, 3, 'enough')
    expect(new Set(events.map(({ name }) => name))).to.include.all.keys(
      'packet_sent',
      'packet_received',
      'packets_acked',
      'packet_lost',
      'metrics_updated',
      'connection_closed',
    )
    for (const { time, link, name, ...rest } of events) {
      expect([time <= pair.now, link]).to.deep.equal([true, 'test'])
      expect(EVENTS[name], name).to.include.members(Object.keys(rest))
      // Rates are absent while unknown; nothing else is.
      const optional = ['delivery_rate', 'pacing_rate']
      expect(Object.keys(rest), name).to.include.members(EVENTS[name].filter((key) => !optional.includes(key)))
    }
  })

  it('accounts for every packet: what was sent is acknowledged, lost or in flight', () => {
    const { pair, events } = eventful()
    const acked = events.flatMap((event) => (event.name === 'packets_acked' ? event.packet_numbers : []))
    const lost = events.flatMap((event) => (event.name === 'packet_lost' ? [event.packet_number] : []))
    const { packetsLost } = pair.a.connection.stats()
    expect(lost).to.have.length(packetsLost)
    expect(lost.length).to.be.above(0)
    expect(new Set(acked).size).to.equal(acked.length)
  })

  it('tells rates and round trips in the units it says', () => {
    const { pair, events } = eventful()
    const last = events.findLast((event) => event.name === 'metrics_updated')
    const { srtt, deliveryRate, pacingRate, datagramSize, congestion } = pair.a.connection.stats()
    expect(last).to.deep.include({
      delivery_rate: deliveryRate,
      pacing_rate: pacingRate,
      datagram_size: datagramSize,
    })
    expect(Math.round(last!.smoothed_rtt * 1_000)).to.equal(srtt)
    expect([congestion, last!.controller['id']]).to.deep.equal(['cubic', 'cubic'])
    // Some packets in each turn of 10 ms.
    expect(deliveryRate).to.be.within(1_000_000, 400_000 * 8 * 100)
  })

  it('says where the peer is when it opens, once for each side', () => {
    const events: TraceEvent[] = []
    new ConnectionPair({ trace: (event) => events.push(event) }).exchange()
    const started = events.flatMap((event) => (event.name === 'connection_started' ? [event] : []))
    expect(started.map(({ address, port, is_initiator }) => [address, port, is_initiator])).to.deep.equal([
      ['192.0.2.2', 2, true],
      ['192.0.2.1', 1, false],
    ])
  })

  it('says where the peer went', () => {
    const events: TraceEvent[] = []
    const pair = new ConnectionPair({ trace: (event) => events.push(event) }).exchange()
    const { a, b } = pair
    const moved = { host: '198.51.100.7', port: 77 }
    for (let round = 0; round < 20; round++) {
      pair.now += s(1)
      a.connection.probe(pair.now)
      for (const packet of pair.packets(a)) b.connection.handlePacket(pair.now, moved, Uint8Array.from(packet))
      b.connection.handleTimeout(pair.now)
      for (const packet of pair.packets(b)) pair.deliver(a, packet)
    }
    expect(events.find(({ name }) => name === 'path_changed')).to.deep.include({ address: '198.51.100.7', port: 77 })
  })
})
