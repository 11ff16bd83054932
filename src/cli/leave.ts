/** The process ends though something still runs that a plugin has left: nobody waits for it. Without such a thing nothing happens. */
export function leaveWhateverRuns(): void {
  setTimeout(() => {
    process.stderr.write('warning: something that a plugin left running was ended with the process\n')
    process.exit()
  }, PATIENCE_MS).unref()
}

/** What ends by itself has the time to do so, milliseconds. */
const PATIENCE_MS = 1_500
