/**
 * The library: everything the command line does, without the command line.
 *
 * @packageDocumentation
 */
export type * from './client/api.ts'
export type * from './server/api.ts'
export { ERRORS, MsgError, isErrorCode, type ErrorCode } from './errors.ts'
