import type { Database } from './database.ts'

/** One device of a user, as this profile has met it. */
export interface KnownDevice {
  /** Its number in this profile. */
  readonly device: number
  readonly user: string
  /** Ed25519 public key in base64url. */
  readonly key: string
  readonly isVerified: boolean
}

/** Devices that were met, which of them a person compared safety numbers with, and the users who are always accepted. */
export class Devices {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  of(user: string): KnownDevice[] {
    const rows = this.#database.prepare('SELECT * FROM devices WHERE user = ? ORDER BY device').all([user])
    return (rows as Row[]).map(({ device, key, verified_at }) => ({
      device,
      user,
      key,
      isVerified: verified_at !== null,
    }))
  }

  /** @param now - milliseconds since 1970. @returns the device, and whether it or only others of the user were known. */
  meet(
    user: string,
    key: string,
    now: number,
  ): { readonly device: number; readonly isNew: boolean; readonly isChanged: boolean } {
    const known = this.of(user)
    const found = known.find((device) => device.key === key)
    if (found) return { device: found.device, isNew: false, isChanged: false }
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO devices (user, key, first_seen) VALUES (?, ?, ?)')
      .run([user, key, now])
    return { device: Number(lastInsertRowid), isNew: true, isChanged: known.length > 0 }
  }

  /** A person compared the safety number of this device. */
  verify(device: number, now: number): void {
    this.#database
      .prepare('UPDATE devices SET verified_at = ? WHERE device = ? AND verified_at IS NULL')
      .run([now, device])
  }

  isContact(user: string): boolean {
    return this.#database.prepare('SELECT 1 FROM contacts WHERE user = ?').get([user]) !== undefined
  }

  /** `user` is accepted without asking from now on. */
  addContact(user: string, now: number): void {
    this.#database.prepare('INSERT OR IGNORE INTO contacts (user, since) VALUES (?, ?)').run([user, now])
  }
}

interface Row {
  readonly device: number
  readonly key: string
  readonly verified_at: number | null
}
