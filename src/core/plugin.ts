/**
 * What plugin authors import, as `msg-cli/plugin`.
 *
 * @packageDocumentation
 */
export {
  defineClientPlugin,
  defineProtocol,
  defineServerPlugin,
  message,
  type ClientPlugin,
  type ClientScope,
  type CommandContext,
  type CommandValues,
  type DownloadOptions,
  type PluginCommand,
  type PluginManifest,
  type PluginSession,
  type Protocol,
  type ServerPlugin,
  type ServerScope,
  type Session,
} from './plugins/define.ts'
export { MsgError, type ErrorCode } from './errors.ts'
export type { TransferEvent } from './transfers/api.ts'
export { visible } from './wire/visible.ts'
