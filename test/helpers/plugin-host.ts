import type { HostDeps } from '../../src/core/plugins/loaded-plugin.ts'
import { ManualClock } from '../../src/core/testing/manual-clock.ts'
import { MemoryStorage } from '../../src/core/testing/memory-storage.ts'

/** What hosts of plugins need, and what they said: faults as `plugin CODE: detail`, events as they were told. */
export class HostWorld implements HostDeps {
  readonly clock = new ManualClock(1_000_000)
  readonly faults: string[] = []
  readonly events: unknown[][] = []
  readonly stores = new Map<string, MemoryStorage>()
  readonly event: HostDeps['event'] = (...event) => void this.events.push(event)
  readonly onFault: HostDeps['onFault'] = (plugin, { code, detail }) =>
    void this.faults.push(`${plugin} ${code}: ${detail}`)
  readonly storage: HostDeps['storage'] = (plugin) => {
    const store = this.stores.get(plugin) ?? new MemoryStorage()
    this.stores.set(plugin, store)
    return store
  }

  /** The faults without their details. */
  get codes(): string[] {
    return this.faults.map((fault) => fault.split(':')[0]!)
  }
}

/** Lets promises that are ready go on. */
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
