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
    if (fingerprint !== undefined && !/^[A-Za-z0-9+/]{43}$/.test(bare(fingerprint)))
      throw new MsgError('MSG_ERR_USAGE', {
        detail: `${fingerprint} is no fingerprint: SHA256: and 43 characters of base64`,
      })
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

  /** Why a server that was judged well is trusted; `new`: nothing was known of it. */
  get reason(): 'pinned' | 'given' | 'new' {
    if (this.#expected !== undefined || this.#isVouched) return 'given'
    return this.#isFirstUse ? 'new' : 'pinned'
  }

  /** Judges the server's key, and remembers it. @throws MSG_ERR_FINGERPRINT_MISMATCH, MSG_ERR_FINGERPRINT_CHANGED */
  verify(fingerprint: string): void {
    this.judge(fingerprint)
    if (!this.#isVouched) this.#known.pin(this.#address, fingerprint)
  }

  /** Judges the server's key and remembers nothing. @throws as {@link verify} */
  judge(fingerprint: string): void {
    const pinned = this.#known.fingerprintOf(this.#address)
    if (this.#expected !== undefined && !isSame(this.#expected, fingerprint))
      throw new MsgError('MSG_ERR_FINGERPRINT_MISMATCH', { detail: `${this.#address} shows ${fingerprint}` })
    const isTold = this.#expected !== undefined || this.#isVouched
    if (!isTold && pinned !== undefined && pinned !== fingerprint)
      throw new MsgError('MSG_ERR_FINGERPRINT_CHANGED', {
        detail: `${this.#address} shows ${fingerprint}, and showed ${pinned} before`,
      })
    this.#isFirstUse = pinned === undefined && !isTold
    this.#fingerprint = fingerprint
  }
}

/** Fingerprints are compared as people copy them: with or without the prefix and padding. */
const isSame = (expected: string, fingerprint: string): boolean => bare(expected) === bare(fingerprint)

/** Without the prefix and the padding that some tools print. */
const bare = (text: string): string =>
  text
    .trim()
    .replace(/^SHA256:/i, '')
    .replace(/=+$/, '')
