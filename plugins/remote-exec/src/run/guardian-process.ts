import { createInterface } from 'node:readline'
import { Family, procTable, type RunMark } from './family.ts'

// The process of Guardian: hears which runs there are, and ends those that are left when nobody speaks any more.
const runs = new Map<number, RunMark>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
for await (const line of createInterface({ input: process.stdin })) {
  const [sign, pid, variable, locks] = line.split(' ')
  if (sign === '+') runs.set(Number(pid), { variable: variable ?? '', locks: Number(locks) })
  else runs.delete(Number(pid))
}
const table = procTable()
for (const [pid, mark] of runs) {
  if (table) for (let tries = 0; tries < 100 && !new Family(table, pid, mark).end(); tries++) await pause()
  else endGroup(pid)
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50))
}
