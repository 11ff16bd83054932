import { resolve } from 'node:path'
import { isPluginId } from '../../core/wire/plugin-id.ts'
import type { PluginOptions, SettingSpec, SettingValue } from './settings.ts'

/**
 * Reads the text of a flag or an environment variable.
 *
 * @returns the value, or what is wrong with it, ready to follow the setting's name.
 */
export function readText(spec: SettingSpec, text: string): { value: SettingValue } | { complaint: string } {
  switch (spec.kind.type) {
    case 'number':
      return checkValue(spec, /^\d+$/u.test(text) ? Number(text) : text, process.cwd())
    case 'switch':
      if (['1', 'true', 'yes', 'on'].includes(text.toLowerCase())) return { value: true }
      if (['0', 'false', 'no', 'off'].includes(text.toLowerCase())) return { value: false }
      return { complaint: `is ${JSON.stringify(text)}, but must be true or false` }
    case 'plugins':
      return checkValue(spec, parsed(text), process.cwd())
    default:
      return checkValue(spec, text, process.cwd())
  }
}

/** The JSON that a text is, or the text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** True for ids of plugins with an object or `false` each. */
function isPluginOptions(value: unknown): value is PluginOptions {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(
    ([id, options]) =>
      isPluginId(id) &&
      (options === false || (typeof options === 'object' && options !== null && !Array.isArray(options))),
  )
}

/**
 * Checks a value that a file or {@link readText} gave.
 *
 * @param base - directory that relative paths start from.
 */
export function checkValue(
  spec: SettingSpec,
  value: unknown,
  base: string,
): { value: SettingValue } | { complaint: string } {
  const { kind } = spec
  const wrong = (wanted: string): { complaint: string } => ({
    complaint: `is ${JSON.stringify(value) ?? String(value)}, but must be ${wanted}`,
  })
  switch (kind.type) {
    case 'text':
      return typeof value === 'string' && value !== '' ? { value } : wrong('text')
    case 'path':
      return typeof value === 'string' && value !== '' ? { value: resolve(base, value) } : wrong('a path')
    case 'switch':
      return typeof value === 'boolean' ? { value } : wrong('true or false')
    case 'choice':
      return typeof value === 'string' && kind.choices.includes(value)
        ? { value }
        : wrong(`one of ${kind.choices.join(', ')}`)
    case 'plugins':
      return isPluginOptions(value) ? { value } : wrong('ids of plugins, each with an object of options or false')
    case 'number': {
      const isInside = Number.isInteger(value) && Number(value) >= kind.min && Number(value) <= kind.max
      return isInside ? { value: Number(value) } : wrong(`a whole number from ${kind.min} to ${kind.max}`)
    }
  }
}
