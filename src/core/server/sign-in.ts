import { addressGroup } from '../wire/address.ts'
import type { Account } from '../control/accounts.ts'
import { isProven } from '../control/device-proof.ts'
import type { Params } from '../control/methods.ts'
import { Throttle } from '../control/throttle.ts'
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
  readonly exporter: Uint8Array
}

/** Proves who somebody is: by a new account, by password, by device key. */
export class SignInDesk {
  readonly #store: Store
  readonly #passwords: Passwords
  readonly #accounts = new Throttle(FREE_PER_ACCOUNT)
  readonly #addresses = new Throttle(FREE_PER_ADDRESS)
  /** The last attempt under way for each account. */
  readonly #turns = new Map<string, Promise<Account>>()

  constructor(store: Store, passwords: Passwords) {
    this.#store = store
    this.#passwords = passwords
  }

  /**
   * @param admit - asked before anything is made; throws for whom it does not let in.
   * @throws MSG_ERR_PROTOCOL, MSG_ERR_NAME_INVALID, MSG_ERR_NAME_TAKEN, MSG_ERR_SERVER_FULL, MSG_ERR_STORAGE_FAILED
   */
  async register(
    params: Params<'register'>,
    origin: SignInOrigin,
    admit: (name: string) => Promise<void>,
  ): Promise<Account> {
    const { user, password, device } = params
    checkDevice(params, origin)
    const [key, name] = [canonicalName(user), displayName(user)]
    await admit(name)
    const taken = new MsgError('MSG_ERR_NAME_TAKEN', { detail: name })
    if (this.#store.account(key)) throw taken
    const verifier = await this.#passwords.hash(password)
    const account = this.#store.createAccount({ user: key, name, verifier, device: { key: device, at: Date.now() } })
    if (!account) throw taken
    return account
  }

  /**
   * Same time and text whether the user is unknown or the password wrong.
   *
   * Attempts for one account take turns, so that guessing on many connections at once gains nothing, and several of its owner's
   * terminals may sign in at the same time.
   *
   * @throws MSG_ERR_PROTOCOL, MSG_ERR_SIGN_IN_FAILED, MSG_ERR_SIGN_IN_DELAYED, MSG_ERR_SERVER_FULL; MSG_ERR_STORAGE_FAILED when the device is new and
   * cannot be remembered.
   */
  async login(params: Params<'login'>, origin: SignInOrigin): Promise<Account> {
    checkDevice(params, origin)
    const key = keyFor(params.user)
    const before = this.#turns.get(key)
    const turn = (async () => {
      await before?.catch(() => undefined)
      return this.#login(key, params, addressGroup(origin.address))
    })()
    this.#turns.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key)
    }
  }

  /** Whatever is wrong, the answer is the same: the password is needed. @throws MSG_ERR_DEVICE_UNKNOWN */
  loginDevice(params: Params<'login.device'>, { exporter }: SignInOrigin): Account {
    const { user, device } = params
    const account = this.#store.account(keyFor(user))
    if (!isProven(params, exporter, user) || !account || !this.#store.hasDevice(account.user, device))
      throw new MsgError('MSG_ERR_DEVICE_UNKNOWN', { detail: user })
    this.#remember(account, device)
    return account
  }

  async #login(key: string, { password, device }: Params<'login'>, group: string): Promise<Account> {
    const wait = Math.max(this.#accounts.delay(now(), key), this.#addresses.delay(now(), group))
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1_000_000)
      throw new MsgError('MSG_ERR_SIGN_IN_DELAYED', {
        detail: `try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`,
      })
    }
    const account = this.#store.account(key)
    if (!(await this.#passwords.verify(account?.verifier, password)) || !account) {
      this.#accounts.fail(now(), key)
      this.#addresses.fail(now(), group)
      throw new MsgError('MSG_ERR_SIGN_IN_FAILED')
    }
    this.#accounts.forget(key)
    this.#remember(account, device)
    return account
  }

  /** A device that is known already gets in though its use cannot be noted: a full disk keeps nobody out. */
  #remember({ user }: StoredAccount, device: string): void {
    try {
      this.#store.putDevice(user, device, Date.now())
    } catch (error) {
      if (!this.#store.hasDevice(user, device)) throw error
    }
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

/** A password is somebody's word for a user, not for a device: were it taken for one, whoever has it could pass as another's device. */
function checkDevice(params: Params<'login.device'>, { exporter }: SignInOrigin): void {
  if (!isProven(params, exporter, params.user))
    throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'the device did not sign this sign-in' })
}

/** Specification: failures before delays begin. */
const FREE_PER_ACCOUNT = 5
/** Implementation: more for an address, behind which there may be a whole lab. */
const FREE_PER_ADDRESS = 20
