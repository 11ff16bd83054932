import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seeds } from './random.ts'

/**
 * A test that runs once for each of its seeds. A failure names the seed, and the command that replays it bit for bit.
 *
 * @param url - `import.meta.url` of the test file.
 * @param share - seeds by default; all suites together have more than 1,000. See {@link seeds}.
 */
export function forSeeds(
  url: string,
  title: string,
  share: number,
  run: (seed: number) => void | Promise<void>,
): Mocha.Test {
  const all = seeds(share)
  return it(`${title} (${all.length} seeds)`, async () => {
    for (const seed of all) {
      try {
        await run(seed)
      } catch (error) {
        const command = `${settings()}SIM_SEED=${seed} npx mocha ${relative(process.cwd(), fileURLToPath(url))} --fgrep "${title}"`
        throw new Error(`seed ${seed}: ${(error as Error).message}\n    replay: ${command}`, { cause: error })
      }
    }
  }).timeout(20_000 + all.length * SLOWEST)
}

/** What else a run depends on. */
function settings(): string {
  const mutations = process.env['FUZZ_MUTATIONS']
  return mutations === undefined ? '' : `FUZZ_MUTATIONS=${mutations} `
}

/** Milliseconds that one seed may take on a busy machine. */
const SLOWEST = 10_000
