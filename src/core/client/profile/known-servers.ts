import { join } from 'node:path'
import * as v from 'valibot'
import { MsgError } from '../../errors.ts'
import { readPrivateFile, writePrivateFile } from './data-dir.ts'

/** Fingerprints of servers trusted on first use, by `host:port`, as ssh keeps them. Read anew for every question: other processes write it too. */
export class KnownServers {
  readonly #path: string

  /** @param dataDir - the client's data directory. */
  constructor(dataDir: string) {
    this.#path = join(dataDir, 'known-servers.json')
  }

  /** The pinned fingerprint, or `undefined` for a server never met. @throws MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS */
  fingerprintOf(address: string): string | undefined {
    return this.#read()[address]
  }

  /** Every known address with its fingerprint. */
  entries(): Array<{ readonly address: string; readonly fingerprint: string }> {
    return Object.entries(this.#read()).map(([address, fingerprint]) => ({ address, fingerprint }))
  }

  /** Trusts `fingerprint` at `address` from now on. */
  pin(address: string, fingerprint: string): void {
    const servers = this.#read()
    if (servers[address] === fingerprint) return
    writePrivateFile(
      this.#path,
      `${JSON.stringify({ version: 1, servers: { ...servers, [address]: fingerprint } }, null, 2)}\n`,
    )
  }

  #read(): Record<string, string> {
    const bytes = readPrivateFile(this.#path)
    if (!bytes) return {}
    try {
      return v.parse(File, JSON.parse(bytes.toString('utf8'))).servers
    } catch (cause) {
      throw new MsgError('MSG_ERR_STORE_CORRUPT', { detail: this.#path, cause })
    }
  }
}

const File = v.object({ version: v.literal(1), servers: v.record(v.string(), v.string()) })
