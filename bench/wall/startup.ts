import { spawnSync } from 'node:child_process'
import type { Figure } from '../helpers/figures.ts'
import { MSG } from '../helpers/server-process.ts'

/** `msg --version` against a node that does nothing, in pairs, so that a drifting machine cancels out. */
export function measureStartup(): Figure[] {
  const bare: number[] = []
  const version: number[] = []
  for (let run = -1; run < RUNS; run++) {
    const times = [
      ['-e', '0'],
      [MSG, '--version'],
    ].map((args) => {
      const start = performance.now()
      const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' })
      if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`)
      return performance.now() - start
    })
    // The first pair only warms the caches.
    if (run < 0) continue
    bare.push(times[0]!)
    version.push(times[1]!)
  }
  return [
    { name: 'node -e 0', unit: 'ms', samples: bare },
    { name: 'msg --version', unit: 'ms', samples: version },
    {
      name: 'msg --version / node -e 0, in pairs',
      unit: 'ratio',
      samples: version.map((ms, i) => ms / bare[i]!),
      target: '< 2.5',
    },
  ]
}

const RUNS = 20
