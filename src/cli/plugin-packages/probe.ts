import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { defineProtocol, type Protocol } from '../../core/plugin.ts'
import { Recorder, type Registered } from './recorder.ts'

/** What {@link probe} is asked to import. Paths are inside the package. */
export interface Probe {
  readonly root: string
  readonly server: string | undefined
  readonly client: string | undefined
  readonly commands: readonly string[]
  /** What the configuration says to the plugin. */
  readonly options?: unknown
  /** Wants a manifest of the commands. @default false */
  readonly wantsManifest?: boolean
}

/** What {@link probe} answers. */
export interface ProbeResult {
  readonly parts: readonly Probed[]
  /** What oclif writes as oclif.manifest.json: where there is one, a start of msg imports no commands to know about them. */
  readonly manifest?: string
}

/** What came of importing one module. */
export interface Probed {
  readonly part: 'server' | 'client' | 'command'
  readonly path: string
  /** How long the import took, milliseconds. */
  readonly ms: number
  /** Why it cannot be used. */
  readonly fault?: string
  /** What its protocol says; of halves. */
  readonly id?: string
  readonly protocol?: number
  readonly optIn?: boolean
  readonly requires?: readonly string[]
  /** What its setup registers, as far as that can be found out without a server or client. */
  readonly registered?: Registered
  /** Why setup did not get to its end, which may be only because there is no server or client. */
  readonly stopped?: string
}

/** Imports each module and looks whether it is what the package says. For a process of its own: what plugins leave running ends with it. */
async function probe({ root, server, client, commands, options, wantsManifest }: Probe): Promise<ProbeResult> {
  const parts: Probed[] = []
  for (const [part, path] of [
    ['server', server],
    ['client', client],
  ] as const)
    if (path !== undefined) parts.push(await probeHalf(root, part, path, options))
  for (const path of commands) parts.push(await timed(root, 'command', path, (module) => checkCommand(module)))
  if (wantsManifest !== true || parts.some(({ fault }) => fault !== undefined)) return { parts }
  return { parts, manifest: await manifestOf(root) }
}

async function manifestOf(root: string): Promise<string> {
  const { Plugin, settings } = await import('@oclif/core')
  settings.enableAutoTranspile = false
  // Of a `link` oclif does not search the root.
  const plugin = new Plugin({ root, type: 'link', ignoreManifest: true, errorOnManifestCreate: true })
  await plugin.load()
  return JSON.stringify(plugin.manifest)
}

async function probeHalf(root: string, part: 'server' | 'client', path: string, configured: unknown): Promise<Probed> {
  return await timed(root, part, path, async ({ default: half }) => {
    const { protocol, setup, optIn, requires, options } = (half ?? {}) as Half
    if (half === undefined) throw new Error('it has no default export')
    if (typeof setup !== 'function' || typeof protocol?.id !== 'string')
      throw new Error('it exports no half of a plugin')
    defineProtocol({ ...(protocol as Protocol) })
    const recorder = new Recorder()
    let stopped: string | undefined
    // What setup does with a scope that does nothing says nothing about whether it works.
    await Promise.race([
      optionsOf(options, configured)
        .then((given) => setup.call(half, recorder.scope, given))
        .catch((error: unknown) => void (stopped = faultOf(error))),
      new Promise((resolve) => setTimeout(resolve, SETUP_MS)),
    ])
    return {
      id: protocol.id,
      ...(typeof protocol.version === 'number' ? { protocol: protocol.version } : {}),
      optIn: optIn === true,
      requires: Array.isArray(requires) ? requires.map(String) : [],
      registered: recorder.registered,
      ...(stopped === undefined ? {} : { stopped }),
    }
  })
}

function checkCommand(module: Readonly<Record<string, unknown>>): object {
  const isCommand = (value: unknown): boolean => typeof (value as { run?: unknown } | undefined)?.run === 'function'
  if (!isCommand(module['default']) && !Object.values(module).some(isCommand)) throw new Error('it exports no command')
  return {}
}

async function timed(
  root: string,
  part: Probed['part'],
  path: string,
  look: (module: Readonly<Record<string, unknown>>) => object | Promise<object>,
): Promise<Probed> {
  const started = performance.now()
  let ms = 0
  try {
    const module = (await import(pathToFileURL(join(root, path)).href)) as Readonly<Record<string, unknown>>
    ms = performance.now() - started
    return { part, path, ms: rounded(ms), ...(await look(module)) }
  } catch (error) {
    return { part, path, ms: rounded(ms || performance.now() - started), fault: faultOf(error) }
  }
}

/** What setup is given. Where nothing is configured and something has to be, it is what the schema makes of no options, or nothing. */
async function optionsOf(schema: Half['options'], configured: unknown): Promise<unknown> {
  if (!schema) return configured
  for (const candidate of configured === undefined ? [undefined, {}] : [configured]) {
    const result = await schema['~standard'].validate(candidate)
    if (result.issues === undefined) return result.value
  }
  return undefined
}

function faultOf(error: unknown): string {
  const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown }
  const [line = ''] = String(message ?? error).split('\n')
  return typeof code === 'string' && !line.includes(code) ? `${line} (${code})` : line
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}

interface Half {
  readonly protocol?: { readonly id?: unknown; readonly version?: unknown }
  readonly setup?: (scope: unknown, options: unknown) => unknown
  readonly optIn?: unknown
  readonly requires?: unknown
  readonly options?: { readonly '~standard': { validate(value: unknown): Checked | Promise<Checked> } }
}

interface Checked {
  readonly value?: unknown
  readonly issues?: unknown
}

/** Patience with a setup, milliseconds. */
const SETUP_MS = 1_000

process.once('message', (asked: Probe) => {
  void probe(asked).then((result) => process.send?.(result, () => process.exit(0)))
})
