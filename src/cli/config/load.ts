import { dirname } from 'node:path'
import { MsgError } from '../../core/errors.ts'
import { nearest } from '../lines/nearest.ts'
import { projectFile, userFile, type ConfigFile } from './files.ts'
import { SETTING_ROWS, SETTINGS, type SettingKey, type SettingSpec, type SettingValue } from './settings.ts'
import { checkValue, readText } from './value.ts'

/** Where a value came from, highest precedence first. */
export type Origin = 'flag' | 'env' | 'project' | 'user' | 'default'

/** A setting's value and its origin. */
export interface ResolvedSetting {
  /** `undefined` when nothing sets it. */
  readonly value: SettingValue | undefined
  readonly origin: Origin
  /** The flag, the variable or the file; `undefined` for defaults. */
  readonly source?: string
}

/** What {@link loadSettings} looks at. */
export interface SettingSources {
  /** Values of flags that were given, by setting. */
  readonly flags: Readonly<Partial<Record<SettingKey, SettingValue>>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Directory the search for the project file starts in. */
  readonly cwd: string
}

/** Every setting, resolved: flag over environment over project file over user file over default. */
export class Settings {
  readonly #resolved: ReadonlyMap<SettingKey, ResolvedSetting>

  constructor(resolved: ReadonlyMap<SettingKey, ResolvedSetting>) {
    this.#resolved = resolved
  }

  resolved(key: SettingKey): ResolvedSetting {
    return this.#resolved.get(key) ?? { value: undefined, origin: 'default' }
  }

  text(key: SettingKey): string | undefined {
    const { value } = this.resolved(key)
    return value === undefined ? undefined : typeof value === 'object' ? JSON.stringify(value) : String(value)
  }

  /** @throws MSG_ERR_USAGE when nothing sets it. */
  required(key: SettingKey): string {
    const text = this.text(key)
    if (text !== undefined) return text
    const { flag, env }: SettingSpec = SETTINGS[key]
    throw new MsgError('MSG_ERR_USAGE', { detail: `${key} is needed: give --${flag ?? key} or set ${env}` })
  }

  number(key: SettingKey): number | undefined {
    const { value } = this.resolved(key)
    return typeof value === 'number' ? value : undefined
  }

  /** What the configuration says to a plugin: `undefined` is nothing, `false` leaves it out. */
  plugin(id: string): object | false | undefined {
    const { value } = this.resolved('plugins')
    return typeof value === 'object' && Object.hasOwn(value, id) ? value[id] : undefined
  }

  /** A switch; unset is off. */
  isOn(key: SettingKey): boolean {
    return this.resolved(key).value === true
  }
}

/** Finds the configuration files and resolves every setting. @throws MSG_ERR_CONFIG_INVALID naming place and key. */
export function loadSettings(sources: SettingSources): Settings {
  const resolved = new Map<SettingKey, ResolvedSetting>()
  const project = checked(projectFile(sources.cwd), 'project')
  let user: CheckedFile | undefined
  for (const [key, spec] of SETTING_ROWS) {
    resolved.set(key, resolve(key, spec, sources, { project, user }, resolved))
    if (key === 'configDir') user = checked(userFile(String(resolved.get(key)?.value)), 'user')
  }
  return new Settings(resolved)
}

interface CheckedFile {
  readonly path: string
  readonly values: ReadonlyMap<SettingKey, SettingValue>
}

function resolve(
  key: SettingKey,
  spec: SettingSpec,
  { flags, env }: SettingSources,
  files: { readonly project: CheckedFile | undefined; readonly user: CheckedFile | undefined },
  earlier: ReadonlyMap<SettingKey, ResolvedSetting>,
): ResolvedSetting {
  const given = flags[key]
  if (given !== undefined) return { value: given, origin: 'flag', source: `--${spec.flag ?? key}` }
  const text = env[spec.env]
  if (text !== undefined && text !== '') {
    const read = readText(spec, text)
    if ('complaint' in read) throw invalid(`${spec.env} ${read.complaint}`)
    return { value: read.value, origin: 'env', source: spec.env }
  }
  for (const origin of ['project', 'user'] as const) {
    const value = files[origin]?.values.get(key)
    if (value !== undefined) return { value, origin, source: files[origin]?.path ?? '' }
  }
  const { fallback } = spec
  const value =
    typeof fallback === 'function'
      ? fallback({ env, value: (other) => earlier.get(other as SettingKey)?.value })
      : fallback
  return { value, origin: 'default' }
}

/** Checks every key of a file at once, so that a mistake is told whichever command runs. */
function checked(file: ConfigFile | undefined, origin: 'project' | 'user'): CheckedFile | undefined {
  if (file === undefined) return undefined
  const values = new Map<SettingKey, SettingValue>()
  for (const [key, value] of Object.entries(file.values)) {
    if (!isKey(key)) {
      const suggestion = nearest(key, Object.keys(SETTINGS))
      throw invalid(`${file.path}: unknown key ${key}${suggestion ? `; did you mean ${suggestion}?` : ''}`)
    }
    const spec: SettingSpec = SETTINGS[key]
    if (spec.inFiles === false) throw invalid(`${file.path}: ${key} cannot be set in a file; use ${spec.env}`)
    if (spec.inFiles === 'user' && origin === 'project')
      throw invalid(
        `${file.path}: ${key} cannot be set for a folder; use the user's configuration file, or ${spec.env}`,
      )
    const read = checkValue(spec, value, dirname(file.path))
    if ('complaint' in read) throw invalid(`${file.path}: ${key} ${read.complaint}`)
    values.set(key, read.value)
  }
  return { path: file.path, values }
}

function isKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key)
}

function invalid(detail: string): MsgError {
  return new MsgError('MSG_ERR_CONFIG_INVALID', { detail })
}
