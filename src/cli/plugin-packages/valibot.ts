/**
 * valibot as msg has it, for plugins that describe their messages and options with it: they need no copy of their own, so that they install
 * without a network and all share one. Its major version changes only with the version of the plugin interface.
 *
 * @packageDocumentation
 */
export * from 'valibot'
