/** What a word of a command stands for: completion offers the names of that kind. */
export type WordKind = 'user' | 'room' | 'path' | 'other'

/** One word that a {@link PluginCommand} takes. */
export interface CommandWord {
  readonly name: string
  /** @default 'other' */
  readonly kind?: WordKind
  /** @default false */
  readonly optional?: boolean
  /** Takes the rest of the line as it is. Only the last one may. */
  readonly rest?: boolean
}

/** What a {@link PluginCommand} was given. */
export interface CommandValues {
  text(name: string): string
  optional(name: string): string | undefined
  has(name: string): boolean
}

/** What surrounds a command while it runs. */
export interface CommandContext {
  /** Aborted when the session ends. */
  readonly signal: AbortSignal
  /** Asks a person; `undefined` where there is none. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined
}

/** A command that a plugin adds to the client's prompt or to the server's console. */
export interface PluginCommand<F extends object = object> {
  /** One or two words. */
  readonly name: string
  /** A short name; left out where another command has it. */
  readonly short?: string
  /** On a terminal this key, with Ctrl, runs it at once and without words, whatever is being typed, asked or run. Of two commands the first has it. */
  readonly key?: 'o' | 't' | 'x'
  /** One line of help, without a full stop. */
  readonly summary: string
  readonly arguments?: readonly CommandWord[]
  /** `value` names what follows an option; one without is a switch. */
  readonly options?: Readonly<Record<string, { readonly value?: string; readonly kind?: WordKind }>>
  /** On a terminal it runs beside what is typed next. */
  readonly background?: boolean
  /** More candidates for the word that is being typed, beside those of its kind. @param words - those of the command so far, the last one may be '' */
  complete?(words: readonly string[]): readonly string[] | Promise<readonly string[]>
  /** @returns what `--json` prints of it */
  run(values: CommandValues, context: CommandContext): Promise<F>
  /** Says it for people; what came from others must be escaped. @param visible - does that */
  text(fields: F, visible: (text: string) => string): readonly string[]
}
