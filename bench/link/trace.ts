import type { TraceEvent } from '../../src/core/transport/trace.ts'
import type { PlotData } from './plot.ts'

/** The link of a trace (docs/TRACES.md) with the most lines, as a picture needs it: the goodput is what was acknowledged. */
export function readTrace(text: string): PlotData {
  const events = busiest(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TraceEvent),
  )
  const samples: Array<PlotData['samples'][number]> = []
  const points: Array<PlotData['points'][number]> = []
  const lengths = new Map<number, number>()
  let [bytes, packetsLost] = [0, 0]
  for (const event of events) {
    switch (event.name) {
      case 'packet_sent':
        lengths.set(event.packet_number, event.length)
        break
      case 'packets_acked':
        for (const packet of event.packet_numbers) {
          bytes += lengths.get(packet) ?? 0
          lengths.delete(packet)
        }
        points.push({ at: event.time, bytes })
        break
      case 'packet_lost':
        packetsLost++
        break
      case 'metrics_updated':
        samples.push({
          at: event.time,
          cwnd: event.congestion_window,
          bytesInFlight: event.bytes_in_flight,
          srtt: event.smoothed_rtt * 1_000,
          minRtt: event.min_rtt * 1_000,
          packetsLost,
        })
    }
  }
  return { samples, points, goodput: 'acknowledged' }
}

function busiest(events: readonly TraceEvent[]): TraceEvent[] {
  const links = new Map<string, TraceEvent[]>()
  for (const event of events) {
    // What was left out belongs to no link.
    if (event.link === undefined) continue
    const link = links.get(event.link)
    if (link) link.push(event)
    else links.set(event.link, [event])
  }
  const [first] = [...links.values()].sort((a, b) => b.length - a.length)
  if (first === undefined) throw new Error('the trace has no link in it')
  return first
}
