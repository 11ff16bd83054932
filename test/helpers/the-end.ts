// Loaded before every run (.mocharc.json): a test that failed may leave a server or a process behind, which would keep a run
// in one process from ending for ever. With --parallel they end with the processes that ran the tests.

export function mochaGlobalTeardown(): void {
  setTimeout(() => {
    const left = process.getActiveResourcesInfo().join(', ')
    console.error(`the tests are over, and something of them goes on: ${left}`)
    // After what mocha makes of it, which is the number of tests that failed.
    process.once('exit', () => (process.exitCode ||= 1))
    process.exit()
  }, GRACE_MS).unref()
}

/** How long what was closed may take to end, milliseconds. */
const GRACE_MS = 30_000
