import { MsgError } from '../errors.ts'
import { KnownServers } from './profile/known-servers.ts'
import { ServerProfiles } from './profile/profile.ts'

/** By what the server's key is judged: an expected fingerprint, a CA, or the fingerprint of the first visit. */
export class ServerTrust {
  readonly #known: KnownServers
  readonly #dataDir: string
  readonly #address: string
  readonly #expected: string | undefined
  readonly #isVouched: boolean
  #fingerprint = ''
  #isFirstUse = false

  /** @param address - `host:port` as servers are known by. */
  constructor(
    dataDir: string,
    address: string,
    { fingerprint, ca }: { readonly fingerprint?: string; readonly ca?: string },
  ) {
    this.#dataDir = dataDir
    this.#address = address
    this.#known = new KnownServers(dataDir)
    this.#expected = fingerprint
    this.#isVouched = ca !== undefined
  }

  /** Of the server last verified. */
  get fingerprint(): string {
    return this.#fingerprint
  }

  /** True when nothing was known of the server before. */
  get isFirstUse(): boolean {
    return this.#isFirstUse
  }

  /** Profiles at this server: by its key, or by its address when a CA vouches for changing keys. */
  get profiles(): ServerProfiles {
    return new ServerProfiles(this.#dataDir, this.#isVouched ? `ca-${this.#address}` : this.#fingerprint)
  }

  /** @throws MSG_ERR_FINGERPRINT_MISMATCH, MSG_ERR_FINGERPRINT_CHANGED */
  verify(fingerprint: string): void {
    const pinned = this.#known.fingerprintOf(this.#address)
    if (this.#expected !== undefined && !isSame(this.#expected, fingerprint))
      throw new MsgError('MSG_ERR_FINGERPRINT_MISMATCH', { detail: `${this.#address} shows ${fingerprint}` })
    const isTold = this.#expected !== undefined || this.#isVouched
    if (!isTold && pinned !== undefined && pinned !== fingerprint)
      throw new MsgError('MSG_ERR_FINGERPRINT_CHANGED', {
        detail: `${this.#address} shows ${fingerprint}, and showed ${pinned} before`,
      })
    // Within one client nothing is new twice.
    if (this.#fingerprint === '') this.#isFirstUse = pinned === undefined && !isTold
    this.#fingerprint = fingerprint
    if (!this.#isVouched) this.#known.pin(this.#address, fingerprint)
  }
}

/** Fingerprints are compared as people copy them: with or without the prefix and padding. */
function isSame(expected: string, fingerprint: string): boolean {
  const bare = (text: string): string =>
    text
      .trim()
      .replace(/^SHA256:/i, '')
      .replace(/=+$/, '')
  return bare(expected) === bare(fingerprint)
}
