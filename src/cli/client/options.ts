import type { AcceptPolicy } from '../../core/index.ts'
import type { Settings } from '../config/load.ts'

/** The options of `createClient` that settings decide in every command. */
export function clientOptions(settings: Settings): { dataDir: string; accept: AcceptPolicy; fingerprint?: string } {
  const fingerprint = settings.text('fingerprint')
  return {
    dataDir: settings.required('dataDir'),
    accept: (settings.text('accept') ?? 'ask') as AcceptPolicy,
    ...(fingerprint === undefined ? {} : { fingerprint }),
  }
}
