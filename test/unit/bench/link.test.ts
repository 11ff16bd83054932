import { expect } from 'chai'
import { jain, payloadRate } from '../../../bench/link/context.ts'
import { Meter, rateOf } from '../../../bench/link/ends/meter.ts'
import { plot } from '../../../bench/link/plot.ts'
import { medianOf, ratios, tableOf } from '../../../bench/link/table.ts'
import { readTrace } from '../../../bench/link/trace.ts'

const sample = (at: number, cwnd: number) => ({
  at,
  path: 'lan' as const,
  remote: { host: '127.0.0.1', port: 1 },
  srtt: 52_000,
  minRtt: 50_000,
  packetsSent: 10,
  packetsReceived: 5,
  packetsLost: 1,
  packetsSpurious: 0,
  bytesSent: 1_000,
  bytesReceived: 100,
  cwnd,
  bytesInFlight: cwnd / 2,
  datagramSize: 1_200,
  deliveryRate: 0,
  pacingRate: 0,
  congestion: 'bbr',
  keyPhase: 0,
})

describe('bench/link: a plot', () => {
  const samples = Array.from({ length: 50 }, (_, i) => sample(1e15 + i * 100_000, 10_240 + i * 1_024))
  const points = samples.map(({ at }, i) => ({ at, bytes: i * 125_000 }))
  const svg = plot({ samples, points }, 'a <run> & more')

  it('has four panels with a named axis each, one time axis, and a legend for every line', () => {
    for (const words of [
      'bytes (KiB)',
      'RTT (ms)',
      'goodput (Mbit/s)',
      'lost (packets)',
      'time since the first sample (s)',
    ])
      expect(svg).to.include(`>${words}<`)
    for (const words of ['cwnd', 'bytes in flight', 'smoothed', 'smallest', 'lost so far'])
      expect(svg).to.include(`>${words}<`)
    expect(svg.match(/<polyline/g)).to.have.length(6)
  })

  it('draws values where the axis says: the window rises from left to right, within its panel', () => {
    const line = /stroke="#1f6feb" stroke-width="1.3" points="([^"]+)"/.exec(svg)![1]!
    const drawn = line.split(' ').map((pair) => pair.split(',').map(Number))
    expect(drawn).to.have.length(50)
    expect(drawn.every(([x, y], i) => i === 0 || (x! > drawn[i - 1]![0]! && y! < drawn[i - 1]![1]!))).to.equal(true)
    // 10 KiB to 59 KiB on an axis to 60 KiB and 150 pixels high.
    expect(drawn[0]![1]! - drawn.at(-1)![1]!).to.be.closeTo((49 / 60) * 150, 0.2)
  })

  it('shows a steady 10 Mbit/s as such, and silence as nothing', () => {
    const silent = [...points, { at: points.at(-1)!.at + 2_000_000, bytes: points.at(-1)!.bytes }]
    const drawn = plot({ samples, points: silent }, '')
    const line = /stroke="#1a7f37" stroke-width="1.3" points="([^"]+)"/.exec(drawn)![1]!
    const heights = line.split(' ').map((pair) => Number(pair.split(',')[1]))
    expect(new Set(heights.slice(0, 20)).size).to.equal(1)
    expect(heights.at(-1)! - heights[0]!).to.be.closeTo(150, 0.2)
  })

  it('is well-formed whatever the title, and without any samples', () => {
    expect(svg).to.include('a &#60;run&#62; &#38; more')
    for (const each of [svg, plot({ samples: [], points: [] }, 'nothing')]) {
      expect(each).to.match(/^<svg [^]*<\/svg>\n$/)
      expect(each).to.not.match(/NaN|Infinity|undefined/)
    }
  })
})

describe('bench/link: figures', () => {
  it('measures a rate from the first bytes to the last, or within a window in which silence counts', () => {
    const points = [0, 1, 2].map((second) => ({ at: second * 1_000_000, bytes: second * 5_000_000 }))
    expect(rateOf(points)).to.equal(5)
    expect(rateOf(points, 0, 4_000_000)).to.equal(2.5)
    expect(rateOf([])).to.equal(0)
    expect(rateOf(points, 9_000_000, 10_000_000)).to.equal(0)
  })

  it('tells a waiting caller when the bytes are there', async () => {
    const meter = new Meter()
    const reached = meter.reached(10)
    meter.add(4)
    meter.add(6)
    await reached
    expect(meter.report().at(-1)?.bytes).to.equal(10)
    await meter.reached(3)
  })

  it('knows fairness: 1 when equal, one over n when one has it all', () => {
    expect(jain([5, 5, 5, 5])).to.equal(1)
    expect(jain([5, 0, 0, 0])).to.equal(0.25)
  })

  it('takes the headers off a link’s rate', () => {
    expect(payloadRate(100)).to.be.closeTo(98.1, 0.05)
  })

  it('judges by the median and keeps what was missed in the table', () => {
    const lines = tableOf([
      { what: 'fast', unit: 'MB/s', samples: [3, 1, 2], target: { is: '≥', value: 2 } },
      { what: 'slow', unit: 'ms', samples: [10, 30], target: { is: '≤', value: 10 } },
      { what: 'absent', unit: 'MB/s', samples: [], skipped: 'not installed' },
    ])
    expect(lines[2]).to.equal('| fast | MB/s | 1.00 | 2.00 | 3.00 | 3 | ≥ 2.00 | 1.00 | met |')
    expect(lines[3]).to.equal('| slow | ms | 10.00 | 20.00 | 30.00 | 2 | ≤ 10.00 | 2.00 | MISSED |')
    expect(lines[4]).to.include('skipped: not installed')
    expect(new Set(lines.map((line) => line.split('|').length)).size, 'columns').to.equal(1)
  })

  it('has a median between two and ratios in pairs', () => {
    expect(medianOf([4, 1, 3, 2])).to.equal(2.5)
    expect(ratios([4, 9], [2, 3])).to.deep.equal([2, 3])
  })
})

describe('bench/link: a trace', () => {
  const line = (time: number, link: string, event: object): string => JSON.stringify({ time, link, ...event })
  const metrics = {
    name: 'metrics_updated',
    congestion_window: 12_000,
    bytes_in_flight: 1_200,
    smoothed_rtt: 20.5,
    min_rtt: 20,
    datagram_size: 1_200,
    controller: { id: 'bbr' },
  }
  const trace = [
    line(1, 'other', { name: 'packet_sent', packet_number: 0, length: 99 }),
    line(2, 'x', { name: 'packet_sent', packet_number: 0, length: 1_200 }),
    line(3, 'x', { name: 'packet_sent', packet_number: 1, length: 500 }),
    line(4, 'x', { name: 'packet_lost', packet_number: 0, trigger: 'time_threshold' }),
    JSON.stringify({ time: 5, name: 'events_dropped', count: 7 }),
    line(5, 'x', { name: 'packets_acked', packet_numbers: [1, 77] }),
    line(6, 'x', metrics),
    '',
  ].join('\n')

  it('becomes a picture of its busiest link: what was acknowledged, measured and lost', () => {
    expect(readTrace(trace)).to.deep.equal({
      samples: [{ at: 6, cwnd: 12_000, bytesInFlight: 1_200, srtt: 20_500, minRtt: 20_000, packetsLost: 1 }],
      points: [{ at: 5, bytes: 500 }],
      goodput: 'acknowledged',
    })
    expect(plot(readTrace(trace), 'links.jsonl')).to.contain('acknowledged, over 200 ms')
    expect(() => readTrace('')).to.throw('no link')
  })
})
