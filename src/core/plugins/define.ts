import type { ClientScope } from './client-scope.ts'
import type { Protocol } from './protocol.ts'
import type { Schema } from './schema.ts'
import type { Scope } from './scope-api.ts'
import type { ServerScope } from './server-scope.ts'

/** One half of a plugin. */
export interface PluginHalf<Sc extends Scope, P extends Protocol, O> {
  readonly protocol: P
  /** Ids of plugins that start before this one; without one of them it does not start. */
  readonly requires?: readonly string[]
  /** Left out unless the configuration has options for it. @default false: installed means enabled */
  readonly optIn?: boolean
  /** Validated once, before `setup`; without options in the configuration it is given `undefined`. */
  readonly options?: Schema<unknown, O>
  /** Registers everything; has 10 s. What it throws leaves the plugin out. */
  setup(scope: Sc, options: O): void | Promise<void>
}

/** Some half, whatever its protocol: what hosts are given. */
export interface AnyPlugin {
  readonly protocol: Protocol
  readonly requires?: readonly string[]
  readonly optIn?: boolean
  readonly options?: Schema<unknown, unknown>
  setup(scope: never, options: never): void | Promise<void>
}

/** A half with what configuration says to it. */
export interface ConfiguredPlugin {
  readonly plugin: AnyPlugin
  /** Checked by the plugin's own schema. `undefined`: the configuration has none */
  readonly options?: unknown
  /** The npm package it comes from: clients without it are told how to install it. */
  readonly package?: { readonly name: string; readonly version: string }
}

/** The half that runs in the server. */
export type ServerPlugin<P extends Protocol = Protocol, O = unknown> = PluginHalf<ServerScope<P>, P, O>
/** The half that runs in the client: `setup` is called once for each client. */
export type ClientPlugin<P extends Protocol = Protocol, O = unknown> = PluginHalf<ClientScope<P>, P, O>

/** @returns it, with its types found. */
export const defineServerPlugin = <P extends Protocol, O = undefined>(plugin: ServerPlugin<P, O>): ServerPlugin<P, O> =>
  plugin
/** @returns it, with its types found. */
export const defineClientPlugin = <P extends Protocol, O = undefined>(plugin: ClientPlugin<P, O>): ClientPlugin<P, O> =>
  plugin

/** The `msg` key of a plugin's package.json, next to its `oclif` key. */
export interface PluginManifest {
  readonly api: 1
  /** Paths of modules whose default export is the half. */
  readonly server?: string
  readonly client?: string
  /** The protocol's id, so that it can be shown before anything of the package runs. */
  readonly id?: string
  /** A half says `optIn`: shown before anything of the package runs. */
  readonly optIn?: boolean
}

/** What a plugin has registered in one host, and how it fares. */
export interface PluginStatus {
  readonly id: string
  readonly version: number
  /** Name and version of its npm package; null where the host was not told. */
  readonly package: string | null
  readonly state: 'running' | 'failed' | 'off'
  /** Why it failed or is off; null while it runs. */
  readonly reason: string | null
  /** How long `setup` took, milliseconds. */
  readonly setupMs: number
  /** Names of the messages it handles, of its hooks and its commands. */
  readonly handles: readonly string[]
  readonly hooks: readonly string[]
  readonly commands: readonly string[]
  /** It accepts streams. */
  readonly streams: boolean
  /** How often it threw or was late, and the last of those. */
  readonly faults: number
  readonly lastFault: string | null
  readonly metrics: Readonly<Record<string, number>>
}
