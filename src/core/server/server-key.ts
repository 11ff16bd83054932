import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deviceKey, type DeviceKey } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import { writeFileAtomically } from '../io/files.ts'

/**
 * The key by which clients know the server's end of their links: made when it is first needed, kept in a file that only its owner reads.
 *
 * @throws MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS
 */
export function loadServerKey(path: string): DeviceKey {
  try {
    const seed = readFileSync(path)
    if (seed.byteLength !== SEED_SIZE) throw new MsgError('MSG_ERR_STORE_CORRUPT', { detail: path })
    return deviceKey(seed)
  } catch (cause) {
    if (MsgError.is(cause)) throw cause
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path}: ${(cause as Error).message}`, cause })
  }
  const made = deviceKey(randomBytes(SEED_SIZE))
  writeFileAtomically(path, made.seed)
  return made
}

/** Specification: bytes of an Ed25519 seed. */
const SEED_SIZE = 32
