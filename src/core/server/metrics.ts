import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import type { RelayTotals } from '../control/relay.ts'

/** What a server counts of itself; all of it since it started. */
export interface ServerCounts {
  readonly version: string
  /** Seconds since the Unix epoch. */
  readonly startedAt: number
  /** Signed-in connections, and open ones in all, legs of the relay among them. */
  readonly connections: number
  readonly open: number
  readonly signIns: number
  readonly failedSignIns: number
  readonly refusals: number
  readonly rendezvous: Readonly<Record<'answered' | 'unknown' | 'rate', number>>
  readonly introductions: number
  /** `undefined` where the server relays nothing. */
  readonly relay: RelayTotals | undefined
}

/** One metric with its samples: label values, and the number. Nothing here names a person. */
interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly label?: string
  readonly samples: ReadonlyArray<readonly [string, number]>
}

/** What `--metrics` answers: a server's counts and its process, as text for Prometheus. */
export class ServerMetrics {
  readonly #counts: () => ServerCounts
  readonly #delay: IntervalHistogram

  constructor(counts: () => ServerCounts) {
    this.#counts = counts
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
    this.#delay.enable()
  }

  /** In Prometheus' text format 0.0.4. The delays are those since the last call. */
  text(): string {
    const text = [...serverMetrics(this.#counts()), ...this.#processMetrics()].map(metricText).join('')
    this.#delay.reset()
    return text
  }

  close(): void {
    this.#delay.disable()
  }

  #processMetrics(): Metric[] {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed } = process.memoryUsage()
    const delays = [50, 90, 99, 100].map(
      (percent) => [String(percent / 100), secondsLate(this.#delay.percentile(percent))] as const,
    )
    return [
      gauge('process_resident_memory_bytes', 'Memory of the process.', rss),
      gauge('msg_heap_used_bytes', 'Memory that JavaScript objects take.', heapUsed),
      counter('process_cpu_seconds_total', 'Time that the process computed.', (user + system) / 1e6),
      {
        name: 'msg_event_loop_delay_seconds',
        type: 'gauge',
        help: `How late the event loop came, looked at every ${DELAY_RESOLUTION_MS} ms, since it was asked last.`,
        label: 'quantile',
        samples: delays,
      },
    ]
  }
}

function serverMetrics(counts: ServerCounts): Metric[] {
  const { version, startedAt, rendezvous, relay } = counts
  return [
    {
      name: 'msg_build_info',
      type: 'gauge',
      help: 'The version that runs.',
      label: 'version',
      samples: [[version, 1]],
    },
    gauge('msg_start_time_seconds', 'When the server started, since the Unix epoch.', startedAt),
    gauge('msg_connections', 'Connections that are signed in.', counts.connections),
    gauge('msg_open_connections', 'TCP connections, signed in or not, legs of the relay among them.', counts.open),
    counter('msg_sign_ins_total', 'Sign-ins.', counts.signIns),
    counter('msg_sign_in_failures_total', 'Sign-ins that were refused.', counts.failedSignIns),
    counter('msg_refused_connections_total', 'Connections that were refused or did not sign in.', counts.refusals),
    {
      name: 'msg_rendezvous_requests_total',
      type: 'counter',
      help: 'Rendezvous requests on both UDP ports: answered, of an unknown token, or over the rate.',
      label: 'result',
      samples: Object.entries(rendezvous),
    },
    counter('msg_introductions_total', 'Times that a connection was told of another one.', counts.introductions),
    ...(relay ? relayMetrics(relay) : []),
  ]
}

function relayMetrics(relay: RelayTotals): Metric[] {
  return [
    counter('msg_relay_datagrams_total', 'Datagrams that were passed on.', relay.datagrams),
    counter('msg_relay_bytes_total', 'Bytes of UDP payload that were passed on.', relay.bytes),
    {
      name: 'msg_relay_drops_total',
      type: 'counter',
      help: 'Datagrams that were not passed on.',
      label: 'reason',
      samples: Object.entries(relay.drops),
    },
    gauge('msg_relay_channels', 'Channels of the relay, one for each pair that was introduced.', relay.channels),
    gauge('msg_relay_channels_in_use', 'Channels that carried something in the last five minutes.', relay.inUse),
    gauge('msg_relay_legs', 'Connections that reach the relay over TLS.', relay.legs),
  ]
}

const gauge = (name: string, help: string, value: number): Metric => ({
  name,
  type: 'gauge',
  help,
  samples: [['', value]],
})
const counter = (name: string, help: string, value: number): Metric => ({
  name,
  type: 'counter',
  help,
  samples: [['', value]],
})

function metricText({ name, type, help, label, samples }: Metric): string {
  const lines = samples.map(([of, value]) => {
    const labels = label === undefined ? '' : `{${label}="${of.replace(/[\\"\n]/g, '_')}"}`
    return `${name}${labels} ${Number.isFinite(value) ? value : 'NaN'}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/** @param span - between two looks, nanoseconds: the system's figure, which says of an idle loop that it comes as late as it is looked at. */
export function secondsLate(span: number): number {
  return Math.max(0, span - DELAY_RESOLUTION_MS * 1e6) / 1e9
}

/** How often the event loop's delay is measured. */
const DELAY_RESOLUTION_MS = 10
