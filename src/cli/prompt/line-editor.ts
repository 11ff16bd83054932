import * as readline from 'node:readline'
import type { ReadStream, WriteStream } from 'node:tty'
import { deferred } from '../deferred.ts'
import { rowsOf } from '../render/live-lines.ts'
import type { CommandHistory } from './history.ts'

/** What a {@link LineEditor} is made of. */
export interface LineEditorDeps {
  readonly input: ReadStream
  readonly output: WriteStream
  readonly history: CommandHistory
  /** The prompt as it is now; asked again before every drawing. Without escape sequences its width is its length. */
  readonly prompt: () => string
  /** Full replacements of the last word of `line`, and that word. */
  readonly complete: (line: string) => Promise<[candidates: string[], word: string]>
  /** Called for every key. */
  readonly onKey?: () => void
}

/** Who is told what was typed. */
export interface LineListener {
  onLine(line: string): void
  /** Ctrl-C on an empty line. */
  onInterrupt(): void
  /** Ctrl and a letter that edits nothing. */
  onShortcut?(key: string): void
  /** Ctrl-D on an empty line, or the terminal went away. */
  onEnd(): void
}

/**
 * One line being typed at the bottom of a terminal, with history and completion; everything else is printed above it.
 *
 * node:readline edits; this class keeps what arrives meanwhile from garbling the line, however many rows it takes.
 */
export class LineEditor {
  readonly #deps: LineEditorDeps
  #interface: readline.Interface | undefined
  #listener: LineListener | undefined
  /** Takes the next line instead of the listener: a question is open. */
  #answer: ((line: string) => void) | undefined
  #question = ''
  /** Until the questions asked so far are answered: one at a time. */
  #asking: Promise<unknown> = Promise.resolve()
  /** When a question was last taken back, milliseconds of the process's clock. */
  #withdrawnAt = -Infinity
  #isClosed = false
  /** The name of the key that is being handled. */
  #key: string | undefined
  /** Lines between what was printed and the prompt, as they are to be, and as they are on the screen. */
  #status: readonly string[] = []
  #shownStatus: readonly string[] = []
  /** A completion is on its way: readline prints below the prompt, and then draws it anew further down. */
  #isCompleting = false
  /** Printed while a hidden prompt owns the terminal; shown after it. */
  #held: string[] | undefined

  constructor(deps: LineEditorDeps) {
    this.#deps = deps
  }

  start(listener: LineListener): void {
    this.#listener = listener
    this.#open()
  }

  /** Prints lines above the one being typed. */
  print(lines: readonly string[]): void {
    if (this.#held) {
      this.#held.push(...lines)
      return
    }
    const { output } = this.#deps
    const text = `${lines.join('\n')}\n`
    if (this.#interface === undefined) {
      output.write(text)
      return
    }
    this.#redraw(text)
  }

  /** Shows lines directly above the prompt, in place of those shown before. Each must be narrower than the terminal. */
  setStatus(lines: readonly string[]): void {
    this.#status = this.#deps.output.rows < lines.length + MIN_ROWS ? [] : [...lines]
    if (!this.#interface || this.#isCompleting) return
    const shown = this.#shownStatus
    if (this.#status.length !== shown.length || shown.some((line, index) => line !== this.#status[index]))
      this.#redraw('')
  }

  /** Draws the prompt again when it has changed. */
  refresh(): void {
    if (this.#interface === undefined || this.#interface.getPrompt() === this.#promptText()) return
    this.#drawFrom(this.#interface.getCursorPos().rows)
  }

  /**
   * Asks a yes-or-no question in place of the prompt. Anything but `y` and `yes` is no; so is `signal`, which takes the question back.
   *
   * @param options.isYes - what an empty line means. @default false
   * @param options.details - said above it, when its turn has come
   */
  async confirm(
    question: string,
    {
      signal,
      isYes = false,
      details = [],
    }: { readonly signal?: AbortSignal; readonly isYes?: boolean; readonly details?: readonly string[] } = {},
  ): Promise<boolean> {
    const { promise: isOver, resolve: end } = deferred()
    const before = this.#asking
    this.#asking = before.then(() => isOver)
    await before
    if (this.#isClosed || signal?.aborted) {
      end()
      return false
    }
    if (details.length > 0) this.print(details)
    // What was half typed is no answer: it comes back afterwards.
    const typed = this.#interface?.line ?? ''
    if (this.#interface && typed !== '') clearLine(this.#interface)
    this.#question = `${question} ${isYes ? '[Y/n]' : '[y/N]'} `
    const takeBack = (): void => {
      this.#withdrawnAt = performance.now()
      if (this.#interface) clearLine(this.#interface)
      this.#handleLine('')
    }
    signal?.addEventListener('abort', takeBack, { once: true })
    // Whoever was answering the question before, which was taken back, must not have answered this one.
    const heedFrom = this.#withdrawnAt + GUARD_MS
    let answer = ''
    do {
      const { promise, resolve } = deferred<string>()
      this.#answer = resolve
      this.refresh()
      answer = await promise
    } while (performance.now() < heedFrom && !signal?.aborted && !this.#isClosed)
    signal?.removeEventListener('abort', takeBack)
    if (typed !== '') this.#interface?.write(typed)
    end()
    const word = answer.trim().toLowerCase()
    return word === '' ? isYes && !signal?.aborted && !this.#isClosed : ['y', 'yes'].includes(word)
  }

  /** Lends the terminal to `use` (a hidden prompt with an editor of its own), then takes it back. */
  async suspend<T>(use: () => Promise<T>): Promise<T> {
    this.#hideStatus()
    this.#held = []
    this.#shut()
    try {
      return await use()
    } finally {
      const held = this.#held
      this.#held = undefined
      this.#open()
      if (held.length > 0) this.print(held)
    }
  }

  /** Gives the terminal back. The prompt is erased unless something is typed behind it. */
  close(): void {
    const { output } = this.#deps
    this.#isClosed = true
    if (this.#interface === undefined) return
    this.#hideStatus()
    if (this.#interface.line === '') {
      readline.cursorTo(output, 0)
      readline.clearScreenDown(output)
    } else output.write('\n')
    this.#shut()
    this.#answer?.('')
  }

  #open(): void {
    const { input, output, history, complete } = this.#deps
    const editor = readline.createInterface({
      input,
      output,
      terminal: true,
      history: history.lines(),
      historySize: history.size,
      removeHistoryDuplicates: true,
      tabSize: 4,
      completer: (line: string, done: (error: Error | null, found: [string[], string]) => void) => {
        const finish = (found: [string[], string]): void => {
          done(null, found)
          this.#isCompleting = false
        }
        this.#isCompleting = true
        complete(line).then(finish, () => finish([[], line]))
      },
    })
    this.#interface = editor
    editor.on('line', (line) => this.#handleLine(line))
    editor.on('history', (lines) => history.keep(lines))
    editor.on('SIGINT', () => this.#handleInterrupt(editor))
    editor.on('close', () => {
      // Ours is forgotten before it is closed; this one was closed by Ctrl-D or by the terminal going away.
      if (this.#interface !== editor) return
      this.#interface = undefined
      this.#isClosed = true
      output.write('\n')
      this.#answer?.('')
      this.#listener?.onEnd()
    })
    this.#keepPastesWhole(editor)
    input.prependListener('keypress', this.#onKey)
    output.prependListener('resize', this.#findRow)
    this.#drawFrom(0)
  }

  #shut(): void {
    const editor = this.#interface
    this.#interface = undefined
    this.#deps.input.off('keypress', this.#onKey)
    this.#deps.output.off('resize', this.#findRow)
    editor?.close()
  }

  #handleLine(line: string): void {
    const answer = this.#answer
    if (answer) {
      this.#answer = undefined
      this.#interface?.setPrompt(this.#promptText())
      answer(line)
    } else this.#listener?.onLine(line)
    if (this.#interface) this.#drawFrom(0)
  }

  #handleInterrupt(editor: readline.Interface): void {
    if (this.#answer) {
      clearLine(editor)
      this.#handleLine('')
      return
    }
    if (editor.line === '') {
      this.#listener?.onInterrupt()
      return
    }
    clearLine(editor)
  }

  /**
   * While a chunk of several keys comes in, readline turns completion off, so that a pasted tab is text. It then also appends
   * every other key at the end of the line, wherever the cursor is, and without drawing: pasting would garble the line.
   */
  #keepPastesWhole(editor: readline.Interface): void {
    let isCompletionEnabled = true
    Object.defineProperty(editor, 'isCompletionEnabled', {
      get: () => this.#key !== 'tab' || isCompletionEnabled,
      set: (value: boolean) => (isCompletionEnabled = value),
    })
  }

  readonly #onKey = (_text: string | undefined, key: { name?: string; ctrl?: boolean } | undefined): void => {
    this.#deps.onKey?.()
    this.#key = key?.name
    this.#findRow()
    if (key?.ctrl && SHORTCUTS.has(key.name ?? '')) this.#listener?.onShortcut?.(key.name ?? '')
    if (key === undefined || !LEAVES_THE_LINE.has(key.ctrl ? `^${key.name}` : (key.name ?? ''))) return
    // What stays on the screen is what was typed, not how far a transfer was at that moment.
    this.#hideStatus()
  }

  // readline remembers the cursor's row from its last drawing. A terminal that has wrapped the line anew has put the cursor on
  // another row meanwhile, so this runs before readline's own listeners.
  readonly #findRow = (): void => {
    if (this.#interface) this.#setRow(this.#interface.getCursorPos().rows)
  }

  /** Prints `text` (whole lines) above the status and the prompt, and draws both anew below. */
  #redraw(text: string): void {
    const { output } = this.#deps
    if (this.#interface === undefined) return
    const { rows } = this.#interface.getCursorPos()
    // One write: what is cleared and drawn again in two does flicker.
    output.cork()
    const above = rowsOf(this.#shownStatus, output.columns)
    readline.moveCursor(output, 0, -(rows + above))
    readline.cursorTo(output, 0)
    readline.clearScreenDown(output)
    this.#shownStatus = this.#isCompleting ? [] : this.#status
    output.write(`${text}${this.#shownStatus.map((line) => `${line}\n`).join('')}`)
    this.#drawFrom(0)
    output.uncork()
  }

  #hideStatus(): void {
    if (this.#shownStatus.length === 0) return
    const status = this.#status
    this.#status = []
    this.#redraw('')
    this.#status = status
  }

  /** @param row - rows the cursor is below the first row of the line being typed. */
  #drawFrom(row: number): void {
    if (this.#interface === undefined) return
    this.#setRow(row)
    this.#interface.setPrompt(this.#promptText())
    this.#interface.prompt(true)
  }

  /** readline moves up by this many rows before it draws; it has no public way to say that the cursor has moved. */
  #setRow(row: number): void {
    const editor = this.#interface as (readline.Interface & { prevRows?: number }) | undefined
    if (editor) editor.prevRows = row
  }

  #promptText(): string {
    return this.#answer ? this.#question : this.#deps.prompt()
  }
}

/** As if it was typed: to the end, then everything before it goes. */
function clearLine(editor: readline.Interface): void {
  editor.write(null, { ctrl: true, name: 'e' })
  editor.write(null, { ctrl: true, name: 'u' })
}

/** How long after a question was taken back what is typed may still be meant for it, milliseconds. */
const GUARD_MS = 1_000
/** Letters that readline does nothing with when they come with Ctrl. */
const SHORTCUTS: ReadonlySet<string> = new Set(['o', 't', 'x'])
/** Keys after which readline goes on below the line, or on a cleared screen. */
const LEAVES_THE_LINE: ReadonlySet<string> = new Set(['return', 'enter', 'tab', '^l', '^c', '^d', '^z'])
/** Rows that a terminal keeps for what is said and typed, or no status is shown. */
const MIN_ROWS = 6
