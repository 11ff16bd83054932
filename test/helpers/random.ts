export { seededBytes, seededRandom } from '../../src/core/testing/seeded-random.ts'

/**
 * The seeds of a suite: `SIM_SEED` replays one; `SIM_SEEDS` says how many all suites run together, of which each takes its share.
 *
 * @param share - seeds of this suite by default; all suites together have more than 1,000.
 */
export function seeds(share: number): number[] {
  const one = process.env['SIM_SEED']
  if (one !== undefined) return [Number(one)]
  const count = Math.ceil((share * Number(process.env['SIM_SEEDS'] ?? 1_000)) / 1_000)
  return Array.from({ length: count }, (_, i) => i + 1)
}
