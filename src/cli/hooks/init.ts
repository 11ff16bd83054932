import type { Hook } from '@oclif/core'

/** A command of a plugin that cannot be imported fails like every other of msg: with a code, a hint and the status of plugins. */
const init: Hook<'init'> = async function ({ id, config }) {
  const command = id === undefined ? undefined : config.findCommand(id)
  if (command === undefined || command.pluginName === config.name || !isOfPlugin(command.pluginName)) return
  const load = command.load.bind(command)
  command.load = async () => {
    try {
      return await load()
    } catch (cause) {
      const { unloadable } = await import('../plugin-packages/unloadable.ts')
      return unloadable(command, cause)
    }
  }

  function isOfPlugin(name: string | undefined): boolean {
    const plugin = name === undefined ? undefined : config.plugins.get(name)
    return plugin !== undefined && (plugin.type !== 'core' || 'msg' in plugin.pjson)
  }
}

export default init
