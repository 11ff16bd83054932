/**
 * What plugin authors import, as `msg-cli/plugin`.
 *
 * @packageDocumentation
 */
export {
  defineClientPlugin,
  defineServerPlugin,
  type ClientPlugin,
  type PluginManifest,
  type PluginStatus,
  type ServerPlugin,
} from './plugins/define.ts'
export {
  defineProtocol,
  message,
  type AskedMessage,
  type MessageSpec,
  type Protocol,
  type SentMessage,
} from './plugins/protocol.ts'
export type { ClientScope, ConfirmOptions, DownloadOptions, StreamPeer } from './plugins/client-scope.ts'
export type { CommandContext, CommandValues, PluginCommand } from './plugins/commands.ts'
export type { ClientHooks, ServerHooks } from './plugins/hooks.ts'
export type { Facts, PluginStorage, PluginStream, Scope } from './plugins/scope-api.ts'
export type { PluginSession, ServerScope } from './plugins/server-scope.ts'
export type { Session } from './plugins/session.ts'
export { MsgError, type ErrorCode } from './errors.ts'
export type { TransferEvent } from './transfers/api.ts'
export { canonicalName } from './wire/names.ts'
export { visible } from './wire/visible.ts'
