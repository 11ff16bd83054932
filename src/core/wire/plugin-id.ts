/** True for a name that a plugin can have, on the wire, in configuration and in events. */
export const isPluginId = (id: string): boolean => PLUGIN_ID.test(id)

const PLUGIN_ID = /^[a-z][a-z0-9-]{1,31}$/
