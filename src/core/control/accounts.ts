/** What the directory knows of an account. */
export interface Account {
  /** Canonical name, the key. */
  readonly user: string
  /** As registered. */
  readonly name: string
  /** `100.64.0.1` and so on. */
  readonly virtualAddress: string
}

/** Looks accounts up; behind it is the store. */
export interface AccountIndex {
  account(user: string): Account | undefined
  accountAt(virtualAddress: string): Account | undefined
  /** In the order of canonical names, after `after` (exclusive; '' for the first), at most `limit`. */
  accounts(after: string, limit: number): Account[]
}
