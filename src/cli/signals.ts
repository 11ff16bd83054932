/** Exit statuses of the signals that end msg: 128 and the signal's number. */
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** A signal that asks to leave. */
export type LeaveSignal = keyof typeof STATUS

/**
 * Calls `leave` at the first signal; the second ends the process at once.
 *
 * @param leave - starts to leave gracefully; the status is the one to exit with afterwards. `false`: the signal was meant for something else, and
 * the next one is the first.
 * @returns a function that stops listening.
 */
export function onLeaveSignal(leave: (status: number, signal: LeaveSignal) => unknown): () => void {
  let isLeaving = false
  const handle = (signal: LeaveSignal): void => {
    if (isLeaving) process.exit(STATUS[signal])
    isLeaving = leave(STATUS[signal], signal) !== false
  }
  const signals = Object.keys(STATUS) as LeaveSignal[]
  for (const signal of signals) process.on(signal, handle)
  return () => {
    for (const signal of signals) process.off(signal, handle)
  }
}
