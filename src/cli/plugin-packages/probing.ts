import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MsgError } from '../../core/errors.ts'
import type { Probe, ProbeResult } from './probe.ts'

/**
 * Imports the parts of a package in a process of its own, and says what came of it. What they print goes nowhere.
 *
 * @throws MSG_ERR_PLUGIN_PACKAGE when they end that process or hang; MSG_ERR_CANCELLED
 */
export async function probing(asked: Probe, signal: AbortSignal): Promise<ProbeResult> {
  const built = fileURLToPath(new URL('./probe.js', import.meta.url))
  const child = fork(existsSync(built) ? built : built.replace(/\.js$/u, '.ts'), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
  })
  const leave = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', leave, { once: true })
  const patience = setTimeout(leave, PATIENCE_MS)
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      child.once('message', (result) => resolve(result as ProbeResult))
      child.once('error', reject)
      child.once('exit', (status, by) => {
        if (signal.aborted) reject(new MsgError('MSG_ERR_CANCELLED', { detail: 'the check' }))
        const why = by === 'SIGKILL' ? `takes more than ${PATIENCE_MS / 1000} s` : `ends the process (${by ?? status})`
        reject(new MsgError('MSG_ERR_PLUGIN_PACKAGE', { detail: `importing it ${why}` }))
      })
      child.send(asked, (error) => error && reject(error))
    })
  } finally {
    clearTimeout(patience)
    signal.removeEventListener('abort', leave)
    leave()
  }
}

/** For importing all of a package and its dependencies on a slow machine, milliseconds. */
const PATIENCE_MS = 20_000
