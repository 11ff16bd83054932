import type { Duration, Instant } from '../../src/core/time/instant.ts'
import { BlockSet } from '../../src/core/transfer/block-set.ts'
import { ReceivePlan, type ReceivePlanEvent, type ReceivePlanOptions } from '../../src/core/transfer/receive-plan.ts'
import type { Range } from '../../src/core/wire/range-set.ts'
import { s } from './time.ts'

/** How a source of a {@link TransferLab} behaves. */
export interface LabSource {
  readonly id: string
  /** Bytes each second. */
  readonly rate: number
  /** One way. */
  readonly delay: Duration
  /** What it has; undefined means everything. */
  readonly has?: readonly Range[]
  /** Gone for good at this moment, and the receiver knows a second later. */
  readonly diesAt?: Instant
  /** Sends nothing in this time, and goes on with what it was asked. */
  readonly silent?: readonly [Instant, Instant]
  /** Every block from this moment on is wrong. */
  readonly liesFrom?: Instant
}

/** One receiver and its sources in virtual time: each source sends what it is asked for, in that order, at its rate. */
export class TransferLab {
  readonly plan: ReceivePlan
  readonly events: ReceivePlanEvent[] = []
  /** How often each block was believed. */
  readonly believed = new Map<number, number>()
  now: Instant = 0
  /** Blocks that came although they were there. */
  duplicates = 0
  /** What was seen that must not be. */
  readonly faults: string[] = []
  readonly #options: ReceivePlanOptions
  readonly #sources = new Map<
    string,
    { readonly spec: LabSource; queue: number[]; freeAt: Instant; isSending: boolean }
  >()
  readonly #agenda: Array<{ readonly at: Instant; readonly run: () => void }> = []

  constructor(options: ReceivePlanOptions, sources: readonly LabSource[]) {
    this.#options = options
    this.plan = new ReceivePlan(0, options)
    for (const spec of sources) {
      this.#sources.set(spec.id, { spec, queue: [], freeAt: 0, isSending: false })
      this.plan.addSource(spec.id, spec.has)
      if (spec.diesAt !== undefined) this.at(spec.diesAt + s(1), () => this.plan.removeSource(spec.id))
    }
  }

  /** Does something at a moment of the run. */
  at(at: Instant, run: () => void): void {
    let i = this.#agenda.length
    while (i > 0 && this.#agenda[i - 1]!.at > at) i--
    this.#agenda.splice(i, 0, { at, run })
  }

  /** Runs until the download is done, nothing happens any more, or `until`. */
  run(until: Instant): this {
    this.#poll()
    while (!this.plan.isDone) {
      const timeout = this.plan.pollTimeout() ?? Infinity
      const next = this.#agenda[0]?.at ?? Infinity
      const at = Math.max(this.now, Math.min(timeout, next))
      if (at > until) break
      this.now = at
      if (next <= at) this.#agenda.shift()!.run()
      this.#poll()
    }
    return this
  }

  #poll(): void {
    for (const { source, ranges } of this.plan.pollWants(this.now)) {
      const { outstanding, window } = this.plan.sources.get(source)!
      if (outstanding > window) this.faults.push(`${source}: ${outstanding} outstanding, window ${window}`)
      if (this.events.some((event) => event.type === 'blocked' && event.source === source))
        this.faults.push(`${source} is asked though it is blocked`)
      const to = this.#sources.get(source)!
      const { spec } = to
      const has = spec.has && new BlockSet(spec.has)
      const indexes = ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, n) => start + n))
      if (has && indexes.some((index) => !has.has(index))) this.faults.push(`${source} is asked for what it has not`)
      this.at(this.now + spec.delay, () => {
        to.queue.push(...indexes)
        this.#send(source)
      })
    }
    for (const { source, ranges } of this.plan.pollCancels()) {
      const to = this.#sources.get(source)!
      const gone = new BlockSet(ranges)
      this.at(this.now + to.spec.delay, () => (to.queue = to.queue.filter((index) => !gone.has(index))))
    }
    for (let event = this.plan.pollEvent(); event; event = this.plan.pollEvent()) this.events.push(event)
  }

  /** Sends the next block of a source, one at a time. */
  #send(id: string): void {
    const source = this.#sources.get(id)!
    const { spec } = source
    if (source.isSending || source.queue.length === 0) return
    const [from, to] = spec.silent ?? [Infinity, Infinity]
    if (this.now >= from && this.now < to) {
      source.isSending = true
      this.at(to, () => {
        source.isSending = false
        this.#send(id)
      })
      return
    }
    const index = source.queue.shift()!
    const { blockSize, size } = this.#options
    const bytes = Math.min(blockSize, size! - index * blockSize)
    source.isSending = true
    const sentAt = this.now + Math.ceil((bytes * s(1)) / spec.rate)
    this.at(sentAt, () => {
      source.isSending = false
      this.#send(id)
    })
    if (sentAt > (spec.diesAt ?? Infinity)) return
    this.at(sentAt + spec.delay, () => this.#arrive(id, index, bytes, this.now < (spec.liesFrom ?? Infinity)))
  }

  #arrive(id: string, index: number, bytes: number, isRight: boolean): void {
    const outcome = this.plan.handleBlock(this.now, id, index, bytes, isRight)
    if (outcome === 'duplicate') this.duplicates++
    if (outcome === 'accepted' && !isRight) this.faults.push(`believed a wrong block ${index}`)
    if (outcome === 'accepted') this.believed.set(index, (this.believed.get(index) ?? 0) + 1)
  }
}
