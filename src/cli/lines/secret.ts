import type { CommandTable } from './table.ts'

/** True when a typed line holds a password: one of a command with a secret argument that was given, or a mistyped one that may. */
export function isSecretLine<Context>(table: CommandTable<Context>, line: string): boolean {
  const found = table.find(line)
  if (found === undefined) return /\b(login|register|passw)/iu.test(line)
  const position = found.command.arguments?.findIndex((spec) => spec.secret) ?? -1
  return position !== -1 && found.rest.trim().split(/\s+/u).length > position
}
