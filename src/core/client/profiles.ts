import { formatAddress, parseAddress } from '../wire/address.ts'
import { dataDirOf } from './profile/data-dir.ts'
import { KnownServers } from './profile/known-servers.ts'
import { ServerProfiles } from './profile/profile.ts'

/** What is kept of sign-ins at one server. */
export interface KeptSignIns {
  /** `host:port`. */
  readonly server: string
  /** The pinned fingerprint; undefined when the server was never met. */
  readonly fingerprint: string | undefined
  /** Canonical names of the users that can sign in without a password. */
  readonly users: readonly string[]
  readonly lastUser: string | undefined
}

/** Path of the client's data directory. @param dataDir - wins over MSG_DATA_DIR and XDG. */
export function clientDataDir(dataDir?: string): string {
  return dataDirOf(dataDir)
}

/**
 * The sign-ins kept for a server.
 *
 * @param options.ca - true when the server is known by a CA instead of its fingerprint.
 * @throws MSG_ERR_USAGE, MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS
 */
export function keptSignIns(
  server: string,
  { dataDir, ca = false }: { dataDir?: string; ca?: boolean } = {},
): KeptSignIns {
  const dir = dataDirOf(dataDir)
  const address = formatAddress(parseAddress(server))
  const fingerprint = new KnownServers(dir).fingerprintOf(address)
  if (fingerprint === undefined && !ca) return { server: address, fingerprint, users: [], lastUser: undefined }
  const profiles = new ServerProfiles(dir, ca || fingerprint === undefined ? `ca-${address}` : fingerprint)
  return { server: address, fingerprint, users: profiles.users(), lastUser: profiles.lastUser() }
}

/** Every server this data directory knows. */
export function knownServers(dataDir?: string): Array<{ readonly address: string; readonly fingerprint: string }> {
  return new KnownServers(dataDirOf(dataDir)).entries()
}
