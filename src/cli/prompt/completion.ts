import type { ArgumentKind, LineCommand } from '../lines/command.ts'
import type { CommandTable } from '../lines/table.ts'

/** Names to complete with, by what a word stands for. */
export interface NameSource {
  /** @param word - what is typed of the name. */
  names(kind: ArgumentKind, word: string): Promise<readonly string[]>
}

/**
 * What the last word of `line` can become: a command's name at the start, then what the command's words stand for.
 *
 * @returns the candidates, each with a blank behind it when it is the only one, and the text they replace.
 */
export async function complete<Context>(
  table: CommandTable<Context>,
  names: NameSource,
  line: string,
): Promise<[string[], string]> {
  const found = /\s/u.test(line) ? table.find(line) : undefined
  if (found === undefined || !line.includes(`${spelled(line, found.rest)} `)) return completeName(table, line)
  const words = wordsOf(found.command, found.rest)
  const word = words.at(-1) ?? ''
  const candidates = await candidatesFor(found.command, words, names)
  const fitting = candidates.filter((name) => startsWith(name, word))
  return [closed(fitting), word]
}

function completeName<Context>(table: CommandTable<Context>, line: string): [string[], string] {
  const typed = line.trimStart()
  return [closed(table.commands.map(({ name }) => name).filter((name) => startsWith(name, typed))), typed]
}

async function candidatesFor(
  command: LineCommand<never>,
  words: readonly string[],
  names: NameSource,
): Promise<readonly string[]> {
  const word = words.at(-1) ?? ''
  const options = Object.entries(command.options ?? {})
  if (word.startsWith('-')) return options.map(([name]) => `--${name}`)
  const before = words.at(-2) ?? ''
  const option = options.find(([name, { value }]) => value !== undefined && before === `--${name}`)?.[1]
  const position = words.slice(0, -1).filter((other) => !other.startsWith('--')).length
  const kind = option === undefined ? command.arguments?.[position]?.kind : option.kind
  const known = kind === undefined || kind === 'other' ? [] : await names.names(kind, word)
  return command.complete ? [...known, ...(await command.complete(words))] : known
}

/** Words of what follows the command's name; a path that takes the rest of the line is one, with its blanks. */
function wordsOf({ arguments: specs = [] }: LineCommand<never>, rest: string): string[] {
  const words = rest.split(/\s+/u)
  const position = specs.findIndex(({ rest: isRest, kind }) => isRest && kind === 'path')
  if (position === -1 || words.length <= position) return words
  const before = words.slice(0, position)
  const at = before.reduce((from, word) => rest.indexOf(word, from) + word.length, 0)
  return [...before, rest.slice(at).trimStart()]
}

/** What of `line` was the command's name. */
function spelled(line: string, rest: string): string {
  return line.slice(0, line.length - rest.length).trimEnd()
}

function startsWith(name: string, word: string): boolean {
  return name.toLowerCase().startsWith(word.toLowerCase())
}

function closed(candidates: readonly string[]): string[] {
  // More may follow behind a folder.
  return candidates.length === 1 && !candidates[0]!.endsWith('/') ? [`${candidates[0]} `] : [...candidates]
}
