import type { AdminClient } from '../core/index.ts'
import { BaseCommand } from './base-command.ts'
import type { SettingKey } from './config/settings.ts'
import { settingFlags } from './flags.ts'

/** The settings every command has that asks a running server. */
const ADMIN_SETTINGS = ['serverDir'] as const satisfies readonly SettingKey[]

/** A command that asks the server which holds a data directory, through its admin socket. */
export abstract class AdminCommand extends BaseCommand {
  static override baseFlags = { ...BaseCommand.baseFlags, ...settingFlags(...ADMIN_SETTINGS) }

  /** Connects, asks, closes. @throws MSG_ERR_SERVER_NOT_RUNNING */
  protected async ask<T>(
    flags: Readonly<Record<string, unknown>>,
    question: (admin: AdminClient) => Promise<T>,
  ): Promise<T> {
    const dataDir = this.settings(ADMIN_SETTINGS, flags).required('serverDir')
    const { connectAdmin } = await import('../core/index.ts')
    const admin = await connectAdmin({ dataDir })
    try {
      return await question(admin)
    } finally {
      admin.close()
    }
  }
}
