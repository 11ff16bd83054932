import type { Hook } from '@oclif/core'

/** A command of a plugin that cannot be imported fails like every other of msg: with a code, a hint and the status of plugins. */
const init: Hook<'init'> = async function ({ id, config }) {
  const command = id === undefined ? undefined : config.findCommand(id)
  const plugin = config.plugins.get(command?.pluginAlias ?? command?.pluginName ?? '')
  if (!command || !plugin || plugin.isRoot || (plugin.type === 'core' && !('msg' in plugin.pjson))) return
  const load = command.load.bind(command)
  command.load = async () => {
    try {
      return await load()
    } catch (cause) {
      const { unloadable } = await import('../plugin-packages/unloadable.ts')
      return unloadable(command.id, plugin.name, cause)
    }
  }
}

export default init
