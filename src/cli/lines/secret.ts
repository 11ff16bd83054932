import { nearest } from './nearest.ts'
import { headOf } from './parse.ts'
import type { CommandTable } from './table.ts'

/** True when a typed line holds a password: one of a command with a secret argument that was given, or a mistyped one that may. */
export function isSecretLine<Context>(table: CommandTable<Context>, line: string): boolean {
  const found = table.find(line)
  if (found === undefined) {
    const names = table.commands
      .filter((command) => command.arguments?.some((spec) => spec.secret))
      .map(({ name }) => name)
    return names.some((name) => line.toLowerCase().includes(name)) || nearest(headOf(line), names) !== undefined
  }
  const position = found.command.arguments?.findIndex((spec) => spec.secret) ?? -1
  return position !== -1 && found.rest.trim().split(/\s+/u).length > position
}
