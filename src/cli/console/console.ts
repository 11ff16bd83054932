import { deferred } from '../deferred.ts'
import type { MsgError } from '../../core/errors.ts'
import { failureOf } from '../failure.ts'
import { Values } from '../lines/values.ts'
import { headOf, parseLine, type ParsedLine } from '../lines/parse.ts'
import type { CommandTable } from '../lines/table.ts'
import type { Palette } from '../render/palette.ts'
import type { ConsoleOutput } from './output.ts'

/** What a {@link Console} is made of. */
export interface ConsoleDeps<Context> {
  readonly table: CommandTable<Context>
  readonly context: Context
  readonly output: ConsoleOutput
  readonly palette: Palette
  /** What to do next when a line starts with no command, where more than `see help` is to be said. */
  readonly unknownHint?: () => string | undefined
}

/** Answers typed lines: one answer per command, in the order the commands came. */
export class Console<Context> {
  readonly #deps: ConsoleDeps<Context>

  constructor(deps: ConsoleDeps<Context>) {
    this.#deps = deps
  }

  /**
   * Runs one line and prints its answer. Empty lines and lines that start with `#` say nothing. Never rejects.
   *
   * @param line - or the error that reading it ended with.
   */
  async answer(line: string | MsgError): Promise<void> {
    const parsed = this.parse(line)
    if (parsed) await this.run(parsed)
  }

  /** Reads a line; prints why it is none of ours, and returns `undefined` when there is nothing to run. */
  parse(line: string | MsgError): ParsedLine<Context> | undefined {
    if (typeof line === 'string' && (line.trim() === '' || line.startsWith('#'))) return undefined
    try {
      if (typeof line !== 'string') throw line
      return parseLine(this.#deps.table, line)
    } catch (error) {
      const command = typeof line === 'string' ? this.#nameOf(line) : ''
      const failure = failureOf(error)
      const hint = failure.message.startsWith('unknown command') ? this.#deps.unknownHint?.() : undefined
      this.#deps.output.failure(command, { ...failure, ...(hint === undefined ? {} : { hint }) })
      return undefined
    }
  }

  async run({ command, values }: ParsedLine<Context>): Promise<void> {
    const { context, output, palette } = this.#deps
    output.note(command.begin?.(values, palette) ?? [])
    try {
      const fields = await command.run(context, values)
      output.result(command.name, fields, command.text(fields, palette))
    } catch (error) {
      output.failure(command.name, failureOf(error))
    }
  }

  /** Runs the command that a key stands for. @returns `undefined` when none does */
  pressed(key: string): Promise<void> | undefined {
    const command = this.#deps.table.keyed(key)
    return command && this.run({ command, values: new Values([]) })
  }

  /** Answers lines strictly one after the other, until they end or `until` is aborted. */
  async serve(lines: AsyncIterator<string | MsgError>, until: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = deferred<'aborted'>()
    const onAbort = (): void => resolve('aborted')
    until.addEventListener('abort', onAbort, { once: true })
    while (!until.aborted) {
      const next = await Promise.race([lines.next(), aborted])
      if (next === 'aborted' || next.done) break
      await Promise.race([this.answer(next.value), aborted])
    }
    until.removeEventListener('abort', onAbort)
  }

  /** A mistake in a known command's words is still that command's answer. */
  #nameOf(line: string): string {
    const head = headOf(line)
    const found = this.#deps.table.find(line.trimStart().startsWith('{') ? head : line)
    return found?.command.name ?? head
  }
}
