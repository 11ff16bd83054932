import { subscribe } from 'node:diagnostics_channel'
import { Command, Flags } from '@oclif/core'
import { visible } from '../core/wire/visible.ts'
import { loadSettings, type Settings } from './config/load.ts'
import type { SettingKey } from './config/settings.ts'
import { failureOf } from './failure.ts'
import { flagValues } from './flags.ts'
import { jsonLine } from './json-line.ts'
import { isColourWanted, palette, type Palette } from './render/palette.ts'

/** How a command prints: one JSON object per line, or text in the colours that are allowed. */
export interface Printing {
  readonly isJson: boolean
  readonly palette: Palette
}

/**
 * What every command of msg shares: flags for output, settings, and one way to fail.
 *
 * oclif's own `--json` is not used: it loses exit codes and prints the whole configuration on usage errors.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = {
    json: Flags.boolean({ summary: 'print one JSON object per line', helpGroup: 'GLOBAL' }),
    debug: Flags.boolean({ summary: 'show the stack of an error, and what plugins log', helpGroup: 'GLOBAL' }),
    'no-input': Flags.boolean({ summary: 'never ask; fail instead', helpGroup: 'GLOBAL' }),
    'no-color': Flags.boolean({ summary: 'no colours; NO_COLOR and FORCE_COLOR work too', helpGroup: 'GLOBAL' }),
  }

  /** Flags are read from the arguments as given, so that a usage error is printed as asked too. */
  protected isGiven(flag: '--json' | '--debug' | '--no-input' | '--no-color'): boolean {
    const end = this.argv.indexOf('--')
    return (end === -1 ? this.argv : this.argv.slice(0, end)).includes(flag)
  }

  /** True when a person can be asked: both ends are terminals, and neither `--no-input`, `--json` nor CI forbids it. */
  protected get canAsk(): boolean {
    if (this.isGiven('--no-input') || this.isGiven('--json')) return false
    return Boolean(process.stdin.isTTY && process.stdout.isTTY)
  }

  protected get printing(): Printing {
    return { isJson: this.isGiven('--json'), palette: this.palette(this.out) }
  }

  /** Where results go: stderr in commands whose stdout carries something else. */
  protected get out(): NodeJS.WriteStream {
    return process.stdout
  }

  /** Resolves every setting; `keys` are those this command has flags for. */
  protected settings(keys: readonly SettingKey[], flags: Readonly<Record<string, unknown>>): Settings {
    return loadSettings({ flags: flagValues(keys, flags), env: process.env, cwd: process.cwd() })
  }

  /** Prints one JSON object on a line. */
  private printJson(object: object): void {
    this.out.write(jsonLine(object))
  }

  private printLines(lines: readonly string[]): void {
    for (const line of lines) this.out.write(`${line}\n`)
  }

  /** A list: every item as a JSON line with `type`, or as `text` says it. */
  protected printItems(type: string, items: readonly object[], text: (palette: Palette) => readonly string[]): void {
    const { isJson, palette } = this.printing
    if (isJson) for (const item of items) this.printJson({ type, ...item })
    else this.printLines(text(palette))
  }

  /** One thing: a JSON line with `type`, or as `text` says it. */
  protected printOne(type: string, item: object, text: (palette: Palette) => readonly string[]): void {
    this.printItems(type, [item], text)
  }

  override async init(): Promise<void> {
    await super.init()
    this.out.on('error', exitOnBrokenPipe)
    process.stderr.on('error', exitOnBrokenPipe)
    if (this.isGiven('--debug')) await showPluginLogs()
  }

  override async catch(error: Error & { oclif?: { exit?: number } }): Promise<void> {
    if (error.oclif?.exit === 0) throw error
    const failure = failureOf(error)
    process.exitCode = failure.exit
    if (this.isGiven('--json')) {
      const { code, message, hint, exit } = failure
      this.printJson({ type: 'error', code, message, hint, exit })
    } else {
      const { bad, dim } = this.palette(process.stderr)
      process.stderr.write(`${bad('error:')} ${visible(failure.message, { multiline: true })}\n`)
      if (failure.hint !== undefined) process.stderr.write(`${dim(`try:   ${failure.hint}`)}\n`)
    }
    if (this.isGiven('--debug') && failure.stack !== undefined) process.stderr.write(`${failure.stack}\n`)
  }

  protected palette(stream: { readonly isTTY?: boolean }): Palette {
    const choice = { env: process.env, isTerminal: Boolean(stream.isTTY), isRefused: this.isGiven('--no-color') }
    return palette(isColourWanted(choice))
  }
}

/** What plugins log goes to stderr, as JSON lines. */
async function showPluginLogs(): Promise<void> {
  const { PLUGIN_LOG } = await import('../core/index.ts')
  subscribe(PLUGIN_LOG, (line) => process.stderr.write(jsonLine({ type: 'log', ...(line as object) })))
}

/** The reader went away, as `head` does: nobody is left to tell, so leave without a word. */
function exitOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
