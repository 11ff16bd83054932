/**
 * The library: everything the command line does, without the command line.
 *
 * @packageDocumentation
 */
export type * from './client/api.ts'
export type * from './server/api.ts'
export { ERRORS, MsgError, isErrorCode, type ErrorCode } from './errors.ts'

import type { Client, ClientOptions } from './client/api.ts'
import type { AdminClient, Server, ServerOptions } from './server/api.ts'
export declare function createClient(options: ClientOptions): Promise<Client>
export declare function createServer(options?: ServerOptions): Promise<Server>
export declare function connectAdmin(options: { dataDir?: string }): Promise<AdminClient>
