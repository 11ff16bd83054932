import { Flags, type Interfaces } from '@oclif/core'
import { readRate } from './bytes.ts'
import { MsgError } from '../core/errors.ts'
import type { SettingKey, SettingSpec, SettingValue } from './config/settings.ts'
import { SETTINGS } from './config/settings.ts'
import { readText } from './config/value.ts'

/**
 * oclif flags for settings, named and described by the table of settings.
 *
 * They have no defaults and read no environment: `loadSettings` resolves those, so that it can tell where a value came from.
 */
export function settingFlags(...keys: readonly SettingKey[]): Interfaces.FlagInput {
  const flags: Interfaces.FlagInput = {}
  for (const key of keys) {
    const { flag }: SettingSpec = SETTINGS[key]
    if (flag !== undefined) flags[flag] = flagFor(key)
  }
  return flags
}

/** The values that flags gave, by setting. Where settings share a flag, `keys` says which one this command means. */
export function flagValues(
  keys: readonly SettingKey[],
  flags: Readonly<Record<string, unknown>>,
): Partial<Record<SettingKey, SettingValue>> {
  const values: Partial<Record<SettingKey, SettingValue>> = {}
  for (const key of keys) {
    const { flag }: SettingSpec = SETTINGS[key]
    const value = flag === undefined ? undefined : flags[flag]
    if (value !== undefined) values[key] = value as SettingValue
  }
  return values
}

function flagFor(key: SettingKey) {
  const spec: SettingSpec = SETTINGS[key]
  const summary = `${spec.summary} ${noteFor(spec)}`
  // What is on unless told otherwise can be told otherwise.
  if (spec.kind.type === 'switch') return Flags.boolean({ summary, allowNo: spec.fallback === true })
  if (spec.kind.type === 'choice') return Flags.string({ summary, options: [...spec.kind.choices] })
  return Flags.custom<SettingValue>({
    summary,
    helpValue: spec.kind.type === 'number' ? '<number>' : spec.kind.type === 'path' ? '<path>' : '<text>',
    parse: async (text) => {
      const read = readText(spec, text)
      if ('complaint' in read) throw new MsgError('MSG_ERR_USAGE', { detail: `--${spec.flag} ${read.complaint}` })
      return read.value
    },
  })()
}

function noteFor(spec: SettingSpec): string {
  const fallback = spec.fallbackText ?? (typeof spec.fallback === 'function' ? undefined : spec.fallback)
  return fallback === undefined || fallback === false
    ? `[env: ${spec.env}]`
    : `[default: ${fallback}, env: ${spec.env}]`
}

/** `--limit`: bytes per second. */
export const limitFlag = Flags.custom<number>({
  summary: 'no faster than this: 500k, 20MB/s, 100Mbit/s',
  helpValue: '<rate>',
  parse: async (text) => readRate(text),
})()
