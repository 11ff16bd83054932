import { seconds, type Duration, type Instant } from '../time/instant.ts'
import type { Candidate } from './endpoint-api.ts'
import type { Transmit } from './machine.ts'
import { Openers } from './openers.ts'
import { addressKey } from './socket-address.ts'

/** Where peers may be reached, and what opens this side's own routers towards them. */
export class Approaches {
  readonly #random: (length: number) => Uint8Array
  readonly #candidates = new Map<string, readonly Candidate[]>()
  readonly #openers = new Openers()
  /** How often each peer was guessed at in its present minute. */
  readonly #guesses = new Map<string, { readonly since: Instant; rounds: number }>()

  /** @param random - returns that many random bytes. */
  constructor(random: (length: number) => Uint8Array) {
    this.#random = random
  }

  /** Where that peer may be reached, as was told last. */
  of(instance: string): readonly Candidate[] {
    return this.#candidates.get(instance) ?? []
  }

  /** Where that peer may be reached now: what is new and behind a NAT is opened towards. */
  tell(now: Instant, instance: string, candidates: readonly Candidate[]): void {
    const known = new Set(this.of(instance).map(addressKey))
    const isNew = (candidate: Candidate): boolean => !known.has(addressKey(candidate))
    this.#openers.open(now, candidates.filter(isBehindNat).filter(isNew))
    this.#candidates.set(instance, candidates)
  }

  forget(instance: string): void {
    this.#candidates.delete(instance)
    this.#guesses.delete(instance)
  }

  /** Birthday probing, unless it was done often enough. @returns how many sockets challenge `host`'s side now; 0 for none */
  guess(now: Instant, instance: string, side: 'sockets' | 'ports', host: string): number {
    let guesses = this.#guesses.get(instance)
    if (!guesses || now - guesses.since >= GUESS_AGAIN)
      this.#guesses.set(instance, (guesses = { since: now, rounds: 0 }))
    if (guesses.rounds++ >= (side === 'ports' ? 1 : GUESS_ROUNDS)) return 0
    if (side === 'sockets') return GUESSING_SOCKETS
    this.#openers.openMany(now, host, this.#randomPorts())
    return 0
  }

  /** Datagrams that are due now. */
  take(now: Instant): Transmit[] {
    return this.#openers.take(now)
  }

  /** When there is something to send; Infinity for never. */
  get at(): Instant {
    return this.#openers.at
  }

  /** Different ones, outside the well-known range. */
  #randomPorts(): number[] {
    const ports = new Set<number>()
    while (ports.size < GUESSED_PORTS) {
      const bytes = this.#random(2)
      ports.add(Math.max(FIRST_PORT, (bytes[0]! << 8) | bytes[1]!))
    }
    return [...ports]
  }
}

/** Whom a handshake goes to: with a relay, only those that nothing stands before; the others' routers must be opened from inside first. */
export function dialled(candidates: readonly Candidate[]): readonly Candidate[] {
  if (!candidates.some(({ kind }) => kind === 'relay')) return candidates
  return candidates.filter((candidate) => !isBehindNat(candidate))
}

const isBehindNat = ({ kind }: Candidate): boolean => kind === 'observed' || kind === 'mapped'

/** With 256 x 1,024 guesses among 64,512 ports some pair fits in 98 of 100 cases. Measured: 2 to 9 pairs (ADR 14). */
const GUESSING_SOCKETS = 256
const GUESSED_PORTS = 1_024
const GUESS_AGAIN: Duration = seconds(60)
/** The side with the sockets tries several times in a minute: it does not know when the other one has opened its router. */
const GUESS_ROUNDS = 4
const FIRST_PORT = 1_024
