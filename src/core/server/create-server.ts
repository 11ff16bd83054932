import { loadCertificate } from '../io/certificate.ts'
import { SqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { Server, ServerOptions } from './api.ts'
import { DataDir } from './data-dir.ts'
import { resolveOptions } from './options.ts'
import { RunningServer } from './running-server.ts'

/**
 * Starts a server.
 *
 * @throws MSG_ERR_CONFIG_INVALID, MSG_ERR_DIRECTORY_ACCESS, MSG_ERR_DATA_DIR_BUSY, MSG_ERR_STORE_CORRUPT, MSG_ERR_PORT_IN_USE; nothing is
 * left open then.
 */
export async function createServer(options: ServerOptions = {}): Promise<Server> {
  const resolved = resolveOptions(options)
  const dataDir = DataDir.open(resolved.dataDir)
  let store: Store | undefined
  try {
    store = new SqliteStore(dataDir.file('server.db'))
    const certificate = await loadCertificate(dataDir.path, resolved.certificate)
    return await RunningServer.start(resolved, { dataDir, store, certificate })
  } catch (error) {
    store?.close()
    dataDir.close()
    throw error
  }
}
