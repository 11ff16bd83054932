import { addressGroup } from '../wire/address.ts'

/** Bounds of {@link Admission}. */
export interface AdmissionLimits {
  /** Open connections in all. */
  readonly connections: number
  /** Connections that have not signed in, per address. */
  readonly unauthenticatedPerAddress: number
}

/** Counts connections, so that a flood from one place ends there. */
export class Admission {
  readonly #limits: AdmissionLimits
  /** Connections that have not signed in, by {@link addressGroup}. */
  readonly #strangers = new Map<string, number>()
  #open = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** Open connections, signed in or not. */
  get open(): number {
    return this.#open
  }

  /** A connection comes. @returns why it may not, or `undefined` when it is counted in. */
  enter(address: string): string | undefined {
    const strangers = this.#strangers.get(addressGroup(address)) ?? 0
    if (this.#open >= this.#limits.connections) return `${this.#limits.connections} connections are open`
    if (strangers >= this.#limits.unauthenticatedPerAddress)
      return `${strangers} connections from there have not signed in`
    this.#open++
    this.#count(address, 1)
    return undefined
  }

  /** A connection went; one that was signed in was first `signedOut`. The order of the two does not matter. */
  leave(address: string): void {
    this.#open--
    this.#count(address, -1)
  }

  /** A connection stopped being a stranger's. */
  signedIn(address: string): void {
    this.#count(address, -1)
  }

  /** A connection is a stranger's again. */
  signedOut(address: string): void {
    this.#count(address, 1)
  }

  #count(address: string, change: 1 | -1): void {
    const group = addressGroup(address)
    const strangers = (this.#strangers.get(group) ?? 0) + change
    if (strangers === 0) this.#strangers.delete(group)
    else this.#strangers.set(group, strangers)
  }
}
