import type { PluginMetrics } from './scope-api.ts'

/** {@link PluginMetrics} and what they come to. */
export class MetricTable implements PluginMetrics {
  readonly #values = new Map<string, number>()

  counter(name: string): { add(amount?: number): void } {
    this.#register(name)
    return {
      add: (amount = 1) => {
        if (!(amount >= 0)) throw new TypeError(`the counter ${name} only grows`)
        this.#values.set(name, (this.#values.get(name) ?? 0) + amount)
      },
    }
  }

  gauge(name: string): { set(value: number): void } {
    this.#register(name)
    return { set: (value) => void this.#values.set(name, value) }
  }

  values(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#values)
  }

  #register(name: string): void {
    if (!NAME.test(name)) throw new TypeError(`“${name}” is no name of a metric`)
    if (this.#values.has(name)) throw new TypeError(`there is a metric ${name} already`)
    if (this.#values.size >= MAX_METRICS) throw new TypeError(`a plugin has at most ${MAX_METRICS} metrics`)
    this.#values.set(name, 0)
  }
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/
const MAX_METRICS = 64
