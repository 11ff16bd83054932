/** What a line gave a command: its arguments by name and its options. Checked against the command's spec before. */
export class Values {
  readonly #values: ReadonlyMap<string, string | boolean>

  constructor(values: Iterable<readonly [string, string | boolean]> = []) {
    this.#values = new Map(values)
  }

  /** A required argument. The parser guarantees it; '' can only mean a mistake in a command's spec. */
  text(name: string): string {
    return this.optional(name) ?? ''
  }

  optional(name: string): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' ? value : undefined
  }

  /** A switch. */
  has(name: string): boolean {
    return this.#values.get(name) === true
  }
}
