import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const SCRIPT = `
import { createServer } from ${JSON.stringify(new URL('../../src/core/index.ts', import.meta.url).href)}
try {
  const server = await createServer({ host: '127.0.0.1', port: 0, passwordCost: 'minimal', ...JSON.parse(process.argv[1]) })
  console.log(JSON.stringify(server.address))
  process.on('SIGTERM', () => server.close())
} catch (error) {
  console.log(JSON.stringify({ code: error.code, detail: error.detail }))
  process.exitCode = 1
}
`

/** A server in a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess
  /** The server's address, or the code and detail of the error that kept it from starting. */
  readonly said: {
    readonly port: number
    readonly udpPort: number
    readonly fingerprint: string
    readonly code?: string
    readonly detail?: string
  }
  /** Ends it and waits for that. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** Starts a server process and waits until it says something. */
export async function startServerProcess(options: object): Promise<ServerProcess> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', SCRIPT, JSON.stringify(options)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    child,
    said: JSON.parse(line.toString()) as ServerProcess['said'],
    async end(signal) {
      child.kill(signal)
      await closed
    },
  }
}
