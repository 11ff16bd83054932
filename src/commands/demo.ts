import { join } from 'node:path'
import { BaseCommand } from '../cli/base-command.ts'
import { onLeaveSignal } from '../cli/signals.ts'

export default class Demo extends BaseCommand {
  static override summary = 'see it work: a server and three clients talk on this machine'
  static override description =
    'Starts a server with a temporary database and three clients, each a process of its own, lets them talk, shows the measured path, RTT and message latency, and removes everything again.'

  async run(): Promise<void> {
    await this.parse(Demo)
    const { Stage } = await import('../cli/demo/stage.ts')
    const { demoSteps } = await import('../cli/demo/play.ts')
    const { runSteps } = await import('../cli/demo/steps.ts')
    const stage = new Stage(join(this.config.root, 'bin', 'run.js'))
    const ignoreSignals = onLeaveSignal((status) => void stage.clear().finally(() => process.exit(status)))
    try {
      const { steps, figures } = demoSteps(stage)
      await runSteps(steps, !this.printing.isJson && Boolean(process.stderr.isTTY))
      this.printOne('demo', figures(), ({ strong, dim }) => [
        '',
        strong('The same by hand, in three terminals:'),
        ...BY_HAND.map((line) => (line.startsWith('#') ? dim(line) : `  ${line}`)),
      ])
    } finally {
      await stage.clear()
      ignoreSignals()
    }
  }
}

const BY_HAND = [
  '# 1. the server (its console: help, users, sessions, rooms, stop)',
  'node bin/run.js server start',
  '# 2. alice',
  'node bin/run.js client connect 127.0.0.1 --data-dir ./alice',
  'register alice a-password',
  'open bob',
  'send hello',
  '# 3. bob',
  'node bin/run.js client connect 127.0.0.1 --data-dir ./bob',
  'register bob another-password',
  'accept alice',
  'send hello yourself',
]
