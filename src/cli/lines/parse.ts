import { MsgError } from '../../core/errors.ts'
import { usageOf, type LineCommand } from './command.ts'
import { nearest } from './nearest.ts'
import type { CommandTable } from './table.ts'
import { Values } from './values.ts'

/** A line that names a command of the table and gives it what it needs. */
export interface ParsedLine<Context> {
  readonly command: LineCommand<Context>
  readonly values: Values
}

/**
 * Reads a typed line: `name words --options`, or a JSON object `{"command": name, …}` with the same names as keys.
 *
 * @throws MSG_ERR_USAGE naming the nearest command, or how the command is written.
 */
export function parseLine<Context>(table: CommandTable<Context>, line: string): ParsedLine<Context> {
  const trimmed = line.trimStart()
  if (trimmed.startsWith('{')) return parseObject(table, trimmed)
  const found = table.find(trimmed)
  if (found === undefined) throw unknownCommand(table, trimmed)
  return { command: found.command, values: parseWords(found.command, found.rest) }
}

/** The word or words a line starts with, as the answer names them when no command was found. */
export function headOf(line: string): string {
  const trimmed = line.trim()
  if (!trimmed.startsWith('{')) return trimmed.split(/\s+/u, 1)[0] ?? ''
  try {
    const { command } = JSON.parse(trimmed) as { command?: unknown }
    return typeof command === 'string' ? command : '{'
  } catch {
    return '{'
  }
}

function parseWords(command: LineCommand<never>, rest: string): Values {
  const specs = command.arguments ?? []
  const values = new Map<string, string | boolean>()
  let remaining = rest
  let position = 0
  while (remaining.trim() !== '') {
    const spec = specs[position]
    if (spec?.rest) {
      values.set(spec.name, spec.secret ? remaining.trim() : remaining)
      remaining = ''
      break
    }
    const [, quoted, bare = '', after = ''] = WORD.exec(remaining) ?? []
    const word = quoted ?? bare
    remaining = after
    const option = quoted === undefined && /^--([a-z-]+)(?:=(.*))?$/u.exec(word)
    if (option) {
      remaining = readOption(command, values, option[1] ?? '', option[2], remaining)
      continue
    }
    if (spec === undefined) throw usage(command, `does not take ${JSON.stringify(word)}`)
    values.set(spec.name, word)
    position += 1
  }
  requireAll(command, values)
  return new Values(values)
}

/** Stores one option and returns what of the line remains. */
function readOption(
  command: LineCommand<never>,
  values: Map<string, string | boolean>,
  name: string,
  inline: string | undefined,
  remaining: string,
): string {
  const option = Object.hasOwn(command.options ?? {}, name) ? command.options?.[name] : undefined
  if (option === undefined) throw usage(command, `has no option --${name}`)
  if (option.value === undefined) {
    values.set(name, true)
    return remaining
  }
  if (inline !== undefined) {
    values.set(name, inline)
    return remaining
  }
  const [, quoted, bare, after = ''] = WORD.exec(remaining) ?? []
  const word = quoted ?? bare
  if (word === undefined) throw usage(command, `needs <${option.value}> after --${name}`)
  values.set(name, word)
  return after
}

function parseObject<Context>(table: CommandTable<Context>, json: string): ParsedLine<Context> {
  let object: unknown
  try {
    object = JSON.parse(json)
  } catch {
    throw new MsgError('MSG_ERR_USAGE', { detail: 'the line is not valid JSON' })
  }
  const { command: name, ...given } = object as Record<string, unknown>
  if (typeof name !== 'string') throw new MsgError('MSG_ERR_USAGE', { detail: 'a JSON line needs "command"' })
  const found = table.find(name)
  if (found === undefined || found.rest !== '') throw unknownCommand(table, name)
  const { command } = found
  const values = new Map<string, string | boolean>()
  for (const [key, value] of Object.entries(given)) values.set(key, checkMember(command, key, value))
  requireAll(command, values)
  return { command, values: new Values(values) }
}

function checkMember(command: LineCommand<never>, key: string, value: unknown): string | boolean {
  const option = Object.hasOwn(command.options ?? {}, key) ? command.options?.[key] : undefined
  const isArgument = (command.arguments ?? []).some((spec) => spec.name === key)
  if (!isArgument && option === undefined) throw usage(command, `does not take ${JSON.stringify(key)}`)
  const wanted = isArgument || option?.value !== undefined ? 'string' : 'boolean'
  if (typeof value !== wanted) throw usage(command, `takes "${key}" as a ${wanted}`)
  return value as string | boolean
}

function requireAll(command: LineCommand<never>, values: ReadonlyMap<string, unknown>): void {
  const missing = (command.arguments ?? []).find((spec) => !spec.optional && !values.has(spec.name))
  if (missing) throw usage(command, `needs <${missing.name}>`)
}

function usage(command: LineCommand<never>, complaint: string): MsgError {
  return new MsgError('MSG_ERR_USAGE', { detail: `${command.name} ${complaint}; usage: ${usageOf(command)}` })
}

function unknownCommand<Context>(table: CommandTable<Context>, line: string): MsgError {
  const word = headOf(line)
  const suggestion = nearest(word, table.words())
  const shown = JSON.stringify(word.slice(0, SHOWN_WORD_CHARS))
  const detail =
    suggestion === undefined ? `unknown command ${shown}` : `unknown command ${shown}; did you mean ${suggestion}?`
  return new MsgError('MSG_ERR_USAGE', { detail })
}

/** A word, or several in double quotes, and what follows. */
const WORD = /^\s*(?:"([^"]*)"(?=\s|$)|(\S+))(?:\s([\s\S]*))?$/u
/** Enough of a mistyped word to recognise it, characters. */
const SHOWN_WORD_CHARS = 40
