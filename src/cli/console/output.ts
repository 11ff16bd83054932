import type { Writable } from 'node:stream'
import { visible } from '../../core/wire/visible.ts'
import type { Failure } from '../failure.ts'
import type { Palette } from '../render/palette.ts'
import { jsonLine } from '../json-line.ts'

/** Where a console's answers and events go. Three kinds: JSON lines, plain lines, a terminal with a line being typed. */
export interface ConsoleOutput {
  /** The answer of a command that worked. `lines` say it for people. */
  result(command: string, fields: object, lines: readonly string[]): void
  failure(command: string, failure: Failure): void
  /** Something that happened by itself. */
  event(event: { readonly type: string }, lines: readonly string[]): void
  /** For people only: JSON has none of it. */
  note(lines: readonly string[]): void
}

/** One JSON object per line: `{"type":"result",…}` per command, and events as they are. */
export class JsonOutput implements ConsoleOutput {
  readonly #out: Writable

  constructor(out: Writable) {
    this.#out = out
  }

  result(command: string, fields: object): void {
    this.#write({ type: 'result', command, ok: true, ...fields })
  }

  failure(command: string, { code, message, hint }: Failure): void {
    this.#write({ type: 'result', command, ok: false, code, message, hint })
  }

  event(event: { readonly type: string }): void {
    this.#write(event)
  }

  note(): void {}

  #write(object: object): void {
    this.#out.write(jsonLine(object))
  }
}

/** Lines of text; failures go to `errors`, so that a script can tell them apart. */
export class TextOutput implements ConsoleOutput {
  readonly #out: Writable
  readonly #errors: Writable
  readonly #palette: Palette

  constructor(out: Writable, errors: Writable, palette: Palette) {
    this.#out = out
    this.#errors = errors
    this.#palette = palette
  }

  result(_command: string, _fields: object, lines: readonly string[]): void {
    writeLines(this.#out, lines)
  }

  failure(_command: string, failure: Failure): void {
    writeLines(this.#errors, failureLines(failure, this.#palette))
  }

  event(_event: { readonly type: string }, lines: readonly string[]): void {
    writeLines(this.#out, lines)
  }

  note(lines: readonly string[]): void {
    writeLines(this.#out, lines)
  }
}

/** Prints above the line being typed. */
export class TerminalOutput implements ConsoleOutput {
  readonly #print: (lines: readonly string[]) => void
  readonly #palette: Palette

  constructor(print: (lines: readonly string[]) => void, palette: Palette) {
    this.#print = print
    this.#palette = palette
  }

  result(_command: string, _fields: object, lines: readonly string[]): void {
    this.note(lines)
  }

  failure(_command: string, failure: Failure): void {
    this.note(failureLines(failure, this.#palette))
  }

  event(_event: { readonly type: string }, lines: readonly string[]): void {
    this.note(lines)
  }

  note(lines: readonly string[]): void {
    if (lines.length > 0) this.#print(lines)
  }
}

/** What happened and why, then what to do next. */
export function failureLines({ message, hint }: Failure, { bad, dim }: Palette): string[] {
  // It may name what peers, the server or a file said.
  const lines = [`${bad('!')} ${visible(message)}`]
  if (hint !== undefined) lines.push(dim(`  ${hint}`))
  return lines
}

function writeLines(out: Writable, lines: readonly string[]): void {
  if (lines.length > 0) out.write(`${lines.join('\n')}\n`)
}
