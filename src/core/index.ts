/**
 * The library: everything the command line does, without the command line.
 *
 * @packageDocumentation
 */
export type * from './client/api.ts'
export type * from './server/api.ts'
export { ERRORS, MsgError, isErrorCode, type ErrorCode } from './errors.ts'
export { createClient } from './client/create-client.ts'
export { clientDataDir, keptSignIns, knownServers, type KeptSignIns } from './client/profiles.ts'
export { visible, type VisibleOptions } from './wire/visible.ts'
