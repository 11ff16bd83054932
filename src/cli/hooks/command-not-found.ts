import type { Hook } from '@oclif/core'
import { jsonLine } from '../json-line.ts'

/**
 * Runs beside the suggestion of plugin-not-found, whose status 127 is none of msg's: an unknown command is a usage error.
 */
const commandNotFound: Hook<'command_not_found'> = async function ({ id, argv = [], config }) {
  process.once('exit', (code) => {
    if (code === NOT_FOUND_STATUS) process.exitCode = 2
  })
  if (!argv.includes('--json')) return
  const message = `${id.replaceAll(':', config.topicSeparator)} is not a ${config.bin} command`
  const error = {
    type: 'error',
    code: 'MSG_ERR_USAGE',
    message,
    hint: `${config.bin} help lists the commands`,
    exit: 2,
  }
  process.stdout.write(jsonLine(error))
}

export default commandNotFound

const NOT_FOUND_STATUS = 127
