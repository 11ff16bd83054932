import type { Command } from '@oclif/core'
import { MsgError } from '../../core/errors.ts'
import { visible } from '../../core/wire/visible.ts'
import { BaseCommand } from '../base-command.ts'

/** What runs instead of a plugin's command that could not be imported: it says so. */
export function unloadable(id: string, from: string, cause: unknown): Command.Class {
  const [line = ''] = String((cause as Partial<Error> | undefined)?.message ?? cause).split('\n')
  class Unloadable extends BaseCommand {
    static override id = id
    static override strict = false

    async run(): Promise<void> {
      throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: visible(`${from} (${line})`), cause })
    }
  }
  return Unloadable as unknown as Command.Class
}
