import { writeSync } from 'node:fs'
import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import type { SettingKey } from '../../cli/config/settings.ts'
import { settingFlags } from '../../cli/flags.ts'
import { netReportLines } from '../../cli/render/net-report.ts'
import { onLeaveSignal } from '../../cli/signals.ts'
import type { ExaminationStage, NetReport } from '../../core/index.ts'

const SETTINGS = ['user', 'fingerprint', 'dataDir'] as const satisfies readonly SettingKey[]

export default class NetDoctor extends BaseCommand {
  static override summary = 'find out what links can do here, what is in their way, and what to do about it'
  static override description =
    'Checks this machine, and with a server what stands between: UDP, what your router does, the clock, packet sizes, the relay. Takes ten seconds at most, remembers and changes nothing. UDP ports answer only those who are signed in: who has signed in from here before is signed in for a moment, unseen by others.\n\nThe exit status is 0 when no check failed, warnings included; 5 when one did, blocked UDP among them although links go over TLS then; 7 when the server’s key is another one.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> chat.example.org --user alice',
    '<%= config.bin %> <%= command.id %> chat.example.org --json',
  ]
  static override args = {
    server: Args.string({
      ignoreStdin: true,
      description:
        'host, host:port or [v6]:port; without it only this machine is checked, or the server of the configuration',
    }),
  }
  static override flags = settingFlags(...SETTINGS)

  async run(): Promise<void> {
    const { args, flags } = await this.parse(NetDoctor)
    const settings = this.settings(SETTINGS, flags)
    const { examineNetwork } = await import('../../core/index.ts')
    const server = args.server ?? settings.text('server')
    const user = settings.text('user')
    const fingerprint = settings.text('fingerprint')
    const isWatched = !this.printing.isJson && Boolean(process.stderr.isTTY && process.stdout.isTTY)
    const stop = new AbortController()
    const ignoreSignals = onLeaveSignal((status) => {
      stop.abort()
      // Nothing is under way that would have to end well.
      if (isWatched) showCursor()
      process.exit(status)
    })
    const examine = (onDone?: (stage: ExaminationStage) => void): Promise<NetReport> =>
      examineNetwork(
        {
          dataDir: settings.required('dataDir'),
          signal: stop.signal,
          ...(server === undefined ? {} : { server }),
          ...(user === undefined ? {} : { user }),
          ...(fingerprint === undefined ? {} : { fingerprint }),
        },
        onDone,
      )
    try {
      const stages: ExaminationStage[] =
        server === undefined ? ['machine', 'router'] : ['machine', 'server', 'udp', 'router']
      const report = isWatched
        ? await (await import('../../cli/net/watch.ts')).watchExamination(stages, examine)
        : await examine()
      const columns = process.stdout.isTTY ? process.stdout.columns : undefined
      this.printOne('net.report', report, (palette) => netReportLines(report, palette, columns))
      if (report.verdict === 'fail') process.exitCode = statusOf(report)
    } finally {
      ignoreSignals()
    }
  }
}

function statusOf({ checks }: NetReport): number {
  return checks.some(({ id, status }) => id === 'server-key' && status === 'fail') ? KEY_CHANGED : UNREACHABLE
}

/** Exit statuses, as docs/ERRORS.md has them. */
const UNREACHABLE = 5
const KEY_CHANGED = 7
const SHOW_CURSOR = '\u001b[?25h'

/** Past what watches, which keeps to itself what others write meanwhile. */
function showCursor(): void {
  try {
    writeSync(process.stderr.fd, SHOW_CURSOR)
  } catch {
    // A terminal that is gone has no cursor.
  }
}
