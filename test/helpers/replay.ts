import { relative } from 'node:path'
import fc from 'fast-check'

// Loaded before every run (.mocharc.json): what fast-check draws can be drawn again.

const seed = process.env['FUZZ_SEED']
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) })

/** A property that fails names its seed; this adds the command that replays it. */
export const mochaHooks = {
  afterEach(this: Mocha.Context): void {
    const { err, file = '', title } = this.currentTest ?? {}
    const drawn = /\{ seed: (-?\d+),/.exec(err?.message ?? '')?.[1]
    if (err === undefined || drawn === undefined) return
    const command = `FUZZ_SEED=${drawn} npx mocha ${relative(process.cwd(), file)} --fgrep "${title}"`
    err.message += `\n    replay: ${command}`
    err.stack = `${err.message}\n${(err.stack ?? '').slice((err.stack ?? '').indexOf('\n    at '))}`
  },
}
