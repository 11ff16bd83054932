import { channel } from 'node:diagnostics_channel'
import type { Facts } from './scope-api.ts'

/** One line of a plugin's log, as the channel {@link PLUGIN_LOG} carries it. */
export interface PluginLogLine {
  readonly plugin: string
  readonly level: 'debug' | 'info' | 'warn'
  readonly message: string
  readonly facts: Facts
}

/** Where plugins' logs go: the channel's name. */
export const PLUGIN_LOG = 'msg:plugin-log'

/** Hands a line to whoever subscribed to {@link PLUGIN_LOG}. */
export function publishLog(line: PluginLogLine): void {
  if (LOG.hasSubscribers) LOG.publish(line)
}

const LOG = channel(PLUGIN_LOG)
