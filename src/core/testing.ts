/**
 * What tests of plugins import, as `msg-cli/testing`.
 *
 * @packageDocumentation
 */
export { ManualClock } from './testing/manual-clock.ts'
export { PluginWorld, type PluginWorldOptions, type ToldEvent } from './testing/plugin-world.ts'
export type { TestClient, TestClientOptions } from './testing/test-client.ts'
export type { TestValues } from './testing/test-command.ts'
