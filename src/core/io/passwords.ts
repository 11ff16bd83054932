import { randomBytes } from 'node:crypto'
import sodium from 'sodium-native'
import { MsgError } from '../errors.ts'

/** What {@link Passwords} is built with. */
export interface PasswordsOptions {
  /** `minimal` is for tests: it protects nothing. */
  readonly cost: 'interactive' | 'minimal'
}

/**
 * Makes and checks argon2id verifiers, off the event loop: at most {@link CONCURRENCY} at a time, the rest wait in a bounded queue.
 */
export class Passwords {
  readonly #cost: { readonly opslimit: number; readonly memlimit: number }
  readonly #waiting: Array<() => void> = []
  /** Checked in place of the verifier of an account that does not exist. */
  readonly #dummy: Promise<string>
  #running = 0

  constructor({ cost }: PasswordsOptions) {
    this.#cost =
      cost === 'minimal'
        ? MINIMAL
        : { opslimit: sodium.crypto_pwhash_OPSLIMIT_INTERACTIVE, memlimit: sodium.crypto_pwhash_MEMLIMIT_INTERACTIVE }
    this.#dummy = this.hash(randomBytes(16).toString('hex'))
    this.#dummy.catch(() => {})
  }

  /** A new verifier. @throws MSG_ERR_SERVER_FULL when too many wait. */
  hash(password: string): Promise<string> {
    return this.#enqueue(async () => {
      const verifier = Buffer.alloc(sodium.crypto_pwhash_STRBYTES)
      const secret = bytesOf(password)
      try {
        await sodium.crypto_pwhash_str_async(verifier, secret, this.#cost.opslimit, this.#cost.memlimit)
      } finally {
        sodium.sodium_memzero(secret)
      }
      return verifier.toString('latin1').replace(/\0+$/, '')
    })
  }

  /**
   * True when `verifier` was made of `password`. Without a verifier it takes as long, and is false.
   *
   * @throws MSG_ERR_SERVER_FULL when too many wait.
   */
  async verify(verifier: string | undefined, password: string): Promise<boolean> {
    const text = verifier ?? (await this.#dummy)
    const isMatch = await this.#enqueue(async () => {
      const bytes = Buffer.alloc(sodium.crypto_pwhash_STRBYTES)
      bytes.write(text, 'latin1')
      const secret = bytesOf(password)
      try {
        return await sodium.crypto_pwhash_str_verify_async(bytes, secret)
      } finally {
        sodium.sodium_memzero(secret)
      }
    })
    return isMatch && verifier !== undefined
  }

  async #enqueue<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= CONCURRENCY) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new MsgError('MSG_ERR_SERVER_FULL', { detail: 'too many people are signing in' })
      }
      // Whoever finishes hands its place over.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running++
    }
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}

/** Composed, so that a password typed on another keyboard or system is the same. */
function bytesOf(password: string): Buffer {
  return Buffer.from(password.normalize('NFC'))
}

/** Specification: checks at a time; each takes 64 MiB at interactive cost. */
const CONCURRENCY = 2
/** Implementation: at some 50 ms each, the last in the queue waits for about 6 s. */
const MAX_WAITING = 256
/** The least libsodium takes: one pass over 8 KiB. */
const MINIMAL = { opslimit: 1, memlimit: 8_192 }
