import { spawn, type ChildProcess } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built program, as people start it. */
export const BIN = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'bin', 'run.js')

export interface MsgResult {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface MsgOptions {
  /** Home, configuration and data live here: nothing of the machine's own settings takes part. */
  readonly directory: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Another program than that of this checkout. */
  readonly bin?: string
}

/** Starts `msg` with pipes. The caller ends it. */
export function startMsg(args: readonly string[], { directory, env = {}, bin = BIN }: MsgOptions): ChildProcess {
  return spawn(process.execPath, [bin, ...args], { cwd: directory, env: { ...sandbox(directory), ...env } })
}

/** Runs `msg` to its end. */
export async function runMsg(args: readonly string[], options: MsgOptions): Promise<MsgResult> {
  const child = startMsg(args, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input ?? '')
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }))
  })
}

/** The environment of a user who has configured nothing. */
export function sandbox(directory: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: directory,
    TERM: 'xterm-256color',
    LC_ALL: 'C.UTF-8',
    XDG_CONFIG_HOME: join(directory, 'config'),
    XDG_DATA_HOME: join(directory, 'data'),
    XDG_CACHE_HOME: join(directory, 'cache'),
  }
}
