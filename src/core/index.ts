/**
 * The library: everything the command line does, without the command line.
 *
 * @packageDocumentation
 */
import type { Client, ClientOptions } from './client/api.ts'
import type { ExaminationStage, ExamineOptions } from './client/doctor/examine.ts'
import type { NetReport } from './client/doctor/report.ts'
import type { AdminClient, Server, ServerOptions } from './server/api.ts'

export type * from './client/api.ts'
export type * from './server/api.ts'
export type * from './transfers/api.ts'
export type * from './client/doctor/report.ts'
export type { ExaminationStage, ExamineOptions } from './client/doctor/examine.ts'
export { PLUGIN_LOG, type PluginLogLine } from './plugins/log.ts'
export type { PluginCommand } from './plugins/commands.ts'
export type { ConfiguredPlugin, PluginStatus } from './plugins/define.ts'
export { ERRORS, MsgError, isErrorCode, type ErrorCode } from './errors.ts'
export { clientDataDir, keptSignIns, knownServers, type KeptSignIns } from './client/profiles.ts'
export { traceLinks, type TraceLinksOptions } from './io/trace-file.ts'
export type { PathMetrics, TraceEvent } from './transport/trace.ts'
export { visible, type VisibleOptions } from './wire/visible.ts'

/** Connects to a server; see {@link ClientOptions}. Its code is loaded at the first call. */
export async function createClient(options: ClientOptions): Promise<Client> {
  return (await import('./client/create-client.ts')).createClient(options)
}

/** Finds out what links can do here; see {@link ExamineOptions}. Its code is loaded at the first call. */
export async function examineNetwork(
  options?: ExamineOptions,
  onDone?: (stage: ExaminationStage) => void,
): Promise<NetReport> {
  return (await import('./client/doctor/examine.ts')).examineNetwork(options, onDone)
}

/** Starts a server; see {@link ServerOptions}. Its code is loaded at the first call. */
export async function createServer(options?: ServerOptions): Promise<Server> {
  return (await import('./server/create-server.ts')).createServer(options)
}

/** Connects to the server that holds a data directory, on this machine. @throws MSG_ERR_SERVER_NOT_RUNNING */
export async function connectAdmin(options?: { readonly dataDir?: string }): Promise<AdminClient> {
  return (await import('./server/admin-client.ts')).connectAdmin(options)
}
