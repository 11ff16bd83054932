import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { deviceKey, type DeviceKey } from '../../crypto/device-key.ts'
import { MsgError } from '../../errors.ts'
import { canonicalName } from '../../wire/names.ts'
import { guarded, readPrivateFile, writePrivateFile } from './data-dir.ts'

/** The profiles of one server: one for each user that signed in there from this data directory. */
export class ServerProfiles {
  readonly #dir: string

  /**
   * @param dataDir - the client's data directory.
   * @param fingerprint - of the server's key, `SHA256:` and base64; what a CA vouches for is kept by `host:port` instead.
   */
  constructor(dataDir: string, fingerprint: string) {
    const name = fingerprint.replaceAll('/', '_').replaceAll('+', '-').replaceAll(':', '-').replaceAll(/[[\]]/g, '')
    this.#dir = join(dataDir, 'servers', name)
  }

  /** Where the profile of `user` is, whether it exists or not. @throws MSG_ERR_NAME_INVALID */
  dirOf(user: string): string {
    return join(this.#dir, `@${canonicalName(user)}`)
  }

  /** Canonical names of the users whose device key is kept. */
  users(): string[] {
    if (!existsSync(this.#dir)) return []
    return guarded(this.#dir, () => readdirSync(this.#dir))
      .filter((name) => name.startsWith('@') && existsSync(join(this.#dir, name, KEY_FILE)))
      .map((name) => name.slice(1))
      .sort()
  }

  /** Who signed in last, if their key is still kept. */
  lastUser(): string | undefined {
    const user = readPrivateFile(join(this.#dir, 'last-user'))?.toString('utf8').trim()
    return user && this.users().includes(canonicalName(user)) ? user : undefined
  }

  setLastUser(user: string): void {
    if (this.lastUser() !== user) writePrivateFile(join(this.#dir, 'last-user'), `${user}\n`)
  }

  /** The kept device key of `user`. @throws MSG_ERR_STORE_CORRUPT when it is not 32 bytes. */
  deviceKey(user: string): DeviceKey | undefined {
    const path = join(this.dirOf(user), KEY_FILE)
    const seed = readPrivateFile(path)
    if (seed && seed.byteLength !== SEED_SIZE) throw new MsgError('MSG_ERR_STORE_CORRUPT', { detail: path })
    return seed && deviceKey(seed)
  }

  /** Keeps the key with which `user` signed in. */
  keepDeviceKey(user: string, key: DeviceKey): void {
    writePrivateFile(join(this.dirOf(user), KEY_FILE), key.seed)
  }
}

/** A device key nobody has seen. */
export function newDeviceKey(): DeviceKey {
  return deviceKey(randomBytes(SEED_SIZE))
}

const KEY_FILE = 'device.key'
const SEED_SIZE = 32
