import { addressGroup } from '../control/admission.ts'
import type { Account } from '../control/accounts.ts'
import { signInTranscript, type Params } from '../control/methods.ts'
import { Throttle } from '../control/throttle.ts'
import { isSignedBy } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import { now } from '../io/clock.ts'
import type { Passwords } from '../io/passwords.ts'
import type { Store, StoredAccount } from '../store/store.ts'
import { canonicalName, displayName } from '../wire/names.ts'

/** Where a sign-in comes from. */
export interface SignInOrigin {
  /** Remote address of the control connection. */
  readonly address: string
  /** The connection's TLS exporter value, which a device signs. */
  exporter(): Uint8Array
}

/** Proves who somebody is: by a new account, by password, by device key. */
export class SignInDesk {
  readonly #store: Store
  readonly #passwords: Passwords
  readonly #accounts = new Throttle(FREE_PER_ACCOUNT)
  readonly #addresses = new Throttle(FREE_PER_ADDRESS)

  constructor(store: Store, passwords: Passwords) {
    this.#store = store
    this.#passwords = passwords
  }

  /** @throws MSG_ERR_NAME_INVALID, MSG_ERR_NAME_TAKEN, MSG_ERR_SERVER_FULL */
  async register({ user, password, device }: Params<'register'>): Promise<Account> {
    const [key, name] = [canonicalName(user), displayName(user)]
    const taken = new MsgError('MSG_ERR_NAME_TAKEN', { detail: name })
    if (this.#store.account(key)) throw taken
    const verifier = await this.#passwords.hash(password)
    const account = this.#store.createAccount({ user: key, name, verifier })
    if (!account) throw taken
    this.#remember(account, device)
    return account
  }

  /** Same time and text whether the user is unknown or the password wrong. @throws MSG_ERR_SIGN_IN_FAILED, MSG_ERR_SIGN_IN_DELAYED */
  async login({ user, password, device }: Params<'login'>, { address }: SignInOrigin): Promise<Account> {
    const key = keyFor(user)
    const group = addressGroup(address)
    this.#begin(key, group)
    const account = this.#store.account(key)
    let isRight = false
    try {
      isRight = await this.#passwords.verify(account?.verifier, password)
    } catch (error) {
      // Nobody guessed: the server was too busy to look.
      this.#accounts.undo(key)
      this.#addresses.undo(group)
      throw error
    }
    if (!isRight || !account) throw new MsgError('MSG_ERR_SIGN_IN_FAILED')
    this.#accounts.forget(key)
    this.#addresses.undo(group)
    this.#remember(account, device)
    return account
  }

  /** Whatever is wrong, the answer is the same: the password is needed. @throws MSG_ERR_DEVICE_UNKNOWN */
  loginDevice({ user, device, instance, signature }: Params<'login.device'>, { exporter }: SignInOrigin): Account {
    const account = this.#store.account(keyFor(user))
    const transcript = signInTranscript(exporter(), user, instance)
    const isProven = isSignedBy(fromBase64(device), transcript, fromBase64(signature))
    if (!account || !isProven || !this.#store.hasDevice(account.user, device))
      throw new MsgError('MSG_ERR_DEVICE_UNKNOWN', { detail: user })
    this.#remember(account, device)
    return account
  }

  #begin(key: string, group: string): void {
    const at = now()
    const wait = Math.max(this.#accounts.delay(at, key), this.#addresses.delay(at, group))
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1_000_000)
      throw new MsgError('MSG_ERR_SIGN_IN_DELAYED', {
        detail: `try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`,
      })
    }
    this.#accounts.begin(at, key)
    this.#addresses.begin(at, group)
  }

  #remember(account: StoredAccount, device: string): void {
    this.#store.putDevice(account.user, device, Date.now())
  }
}

/** A name that is none is as unknown as any other. */
function keyFor(user: string): string {
  try {
    return canonicalName(user)
  } catch {
    return `?${user}`
  }
}

function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64url')
}

/** Specification: failures before delays begin. */
const FREE_PER_ACCOUNT = 5
/** Implementation: more for an address, behind which there may be a whole lab. */
const FREE_PER_ADDRESS = 20
