import type { AcceptPolicy, Congestion } from '../../core/index.ts'
import type { Settings } from '../config/load.ts'
import type { SettingKey } from '../config/settings.ts'

/** Settings of commands that open links. */
export const LINK_SETTINGS = ['congestion', 'guessPorts', 'traceLinks'] as const satisfies readonly SettingKey[]

/** The options of `createClient` that settings decide in every command. */
export function clientOptions(settings: Settings): {
  dataDir: string
  accept: AcceptPolicy
  congestion: Congestion
  guessPorts: boolean
  fingerprint?: string
} {
  const fingerprint = settings.text('fingerprint')
  return {
    dataDir: settings.required('dataDir'),
    accept: (settings.text('accept') ?? 'ask') as AcceptPolicy,
    congestion: (settings.text('congestion') ?? 'bbr') as Congestion,
    guessPorts: settings.isOn('guessPorts'),
    ...(fingerprint === undefined ? {} : { fingerprint }),
  }
}
