/** Who is here: whoever goes and is back within the grace has never been gone. Times are milliseconds. */
export class FlapFilter {
  readonly #graceMs: number
  /** By user. */
  readonly #people = new Map<string, Stay>()
  /** When whoever went is told to have left, in the order of their going. */
  readonly #leaving = new Map<string, Leave>()
  /** The same of those who were here before a restart. */
  readonly #expected = new Map<string, Leave>()

  constructor({ graceMs }: { readonly graceMs: number }) {
    this.#graceMs = graceMs
  }

  /** How many can be seen now. */
  get size(): number {
    return this.#people.size - this.#leaving.size - this.#expected.size
  }

  /** Everybody who can be seen now. */
  *people(): Generator<{ readonly user: string; readonly since: number }> {
    for (const [user, { since }] of this.#people) if (this.#leaveOf(user) === undefined) yield { user, since }
  }

  /** Since when somebody can be seen; `undefined` for whoever cannot. */
  since(user: string): number | undefined {
    return this.#leaveOf(user) === undefined ? this.#people.get(user)?.since : undefined
  }

  /** When somebody who is not told to have left yet went. */
  wentAt(user: string): number | undefined {
    return this.#leaveOf(user)?.at
  }

  /** Somebody who was here before a restart, as long as `until`. @param at - when that was */
  expect(user: string, at: number, until: number): void {
    this.#people.set(user, { since: at })
    this.#expected.set(user, { at, until })
  }

  /** @returns true when that is news */
  handleVisible(now: number, user: string): boolean {
    const isBack = this.#leaving.delete(user) || this.#expected.delete(user)
    if (isBack || this.#people.has(user)) return false
    this.#people.set(user, { since: now })
    return true
  }

  handleHidden(now: number, user: string): void {
    if (!this.#people.has(user) || this.#leaveOf(user)) return
    this.#leaving.set(user, { at: now, until: now + this.#graceMs })
  }

  /** The next one whose grace is over. */
  pollLeft(now: number): { readonly user: string; readonly at: number } | undefined {
    for (const leaving of [this.#leaving, this.#expected]) {
      const [first] = leaving
      if (first === undefined || first[1].until > now) continue
      const [user, { at }] = first
      leaving.delete(user)
      this.#people.delete(user)
      return { user, at }
    }
    return undefined
  }

  /** When `pollLeft` has something. */
  pollTimeout(): number | undefined {
    const untils = [this.#leaving, this.#expected].map((leaving) => leaving.values().next().value?.until ?? Infinity)
    const next = Math.min(...untils)
    return next === Infinity ? undefined : next
  }

  #leaveOf(user: string): Leave | undefined {
    return this.#leaving.get(user) ?? this.#expected.get(user)
  }
}

interface Stay {
  readonly since: number
}

interface Leave {
  /** When they went. */
  readonly at: number
  /** When that is told. */
  readonly until: number
}
