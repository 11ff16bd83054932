import { widthOf } from './table.ts'

/** What {@link LiveLines} draw on. */
export interface LiveTerminal {
  readonly columns: number
  write(text: string): unknown
}

/** Lines at the bottom of a terminal that are drawn again in place; everything else is printed above them. */
export class LiveLines {
  readonly #terminal: LiveTerminal
  #shown: readonly string[] = []

  constructor(terminal: LiveTerminal) {
    this.#terminal = terminal
  }

  /** Draws these lines in the place of the former ones. Each must be narrower than the terminal. */
  show(lines: readonly string[]): void {
    if (lines.length === this.#shown.length && lines.every((line, index) => line === this.#shown[index])) return
    const text = lines.map((line) => `${line}${CLEAR_LINE}`).join('\n')
    // The cursor rests at the left: what the terminal echoes, such as ^C, wraps nothing and is drawn over.
    this.#terminal.write(`${this.#toTop()}${text}${CLEAR_DOWN}\r`)
    this.#shown = [...lines]
  }

  /** Takes the lines away while `write` prints whole lines, and draws them again. */
  above(write: () => void): void {
    const shown = this.#shown
    this.show([])
    write()
    this.show(shown)
  }

  #toTop(): string {
    const rows = rowsOf(this.#shown, this.#terminal.columns)
    return rows > 1 ? `\r\u001b[${rows - 1}A` : '\r'
  }
}

/** Rows that lines take on a terminal, also after it has become narrower and wrapped them. */
export function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / Math.max(1, columns))), 0)
}

/** Clears from the cursor to the end of the line, or of the screen (ECMA-48, EL and ED). */
const CLEAR_LINE = '\u001b[K'
const CLEAR_DOWN = '\u001b[J'
