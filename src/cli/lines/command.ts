import type { Palette } from '../render/palette.ts'
import type { Values } from './values.ts'

/** What a word of a typed line stands for; completion offers the names of that kind. */
export type ArgumentKind = 'user' | 'room' | 'request' | 'command' | 'transfer' | 'priority' | 'path' | 'other'

/** One word a command takes. */
export interface ArgumentSpec {
  readonly name: string
  /** @default 'other' */
  readonly kind?: ArgumentKind
  /** @default false */
  readonly optional?: boolean
  /** Takes the rest of the line verbatim, inner spaces included. Only the last argument may. */
  readonly rest?: boolean
  /** A password: the line is never kept in the history. */
  readonly secret?: boolean
}

/** A `--name` of a command; `value` names what follows it, without one it is a switch. */
export interface OptionSpec {
  readonly value?: string
  readonly kind?: ArgumentKind
}

/** What a command answers, as the JSON contract shows it. */
export type Fields = object

/**
 * One command of the console or of the client.
 *
 * The same object serves the terminal, piped lines and JSON: `run` does it, `text` says it.
 */
export interface LineCommand<Context> {
  /** The canonical long name, one or two words. */
  readonly name: string
  /** The classic short name. */
  readonly short?: string
  /** On a terminal this key, with Ctrl, runs it at once and without words. */
  readonly key?: string
  /** One line of help, without a full stop. */
  readonly summary: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options?: Readonly<Record<string, OptionSpec>>
  /** On a terminal it runs beside what is typed next, since a person answers it. */
  readonly background?: boolean
  /** Candidates for the word that is being typed, beside those of its kind. @param words - of the command so far, the last may be '' */
  complete?(words: readonly string[]): Promise<readonly string[]>
  /** Said to people before it runs, by commands that wait for somebody. */
  begin?(values: Values, palette: Palette): readonly string[]
  run(context: Context, values: Values): Promise<Fields>
  text(fields: Fields, palette: Palette): readonly string[]
}

/** What {@link lineCommand} takes: `text` knows what `run` answers. */
export interface LineCommandSpec<Context, F extends Fields> extends Omit<LineCommand<Context>, 'run' | 'text'> {
  run(context: Context, values: Values): Promise<F>
  text(fields: F, palette: Palette): readonly string[]
}

/** Ties `text` to the answer of `run`, then forgets the type so that tables can hold every command. */
export function lineCommand<Context, F extends Fields>(spec: LineCommandSpec<Context, F>): LineCommand<Context> {
  return { ...spec, text: (fields, palette) => spec.text(fields as F, palette) }
}

/** `room create <room>`: how a command is written, for help and usage errors. */
export function usageOf(command: LineCommand<never>): string {
  const words = (command.arguments ?? []).map((spec) => (spec.optional ? `[${spec.name}]` : `<${spec.name}>`))
  const options = Object.entries(command.options ?? {}).map(([name, { value }]) =>
    value === undefined ? `[--${name}]` : `[--${name} <${value}>]`,
  )
  return [command.name, ...words, ...options].join(' ')
}
