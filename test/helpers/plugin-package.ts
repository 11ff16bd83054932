import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tarball } from './tar.ts'

/** A small plugin, right unless it is told otherwise. */
export interface PluginPackage {
  readonly name?: string
  readonly version?: string
  readonly id?: string
  /** A command at the client's prompt. */
  readonly word?: string
  /** A command of msg, with colons. */
  readonly command?: string
  /** Merged into its package.json; undefined leaves a key out. */
  readonly pjson?: object
  /** Merged into its files; undefined leaves one out. */
  readonly files?: Readonly<Record<string, string | undefined>>
}

/** The files of a plugin that runs without being compiled. */
export function pluginFiles(options: PluginPackage = {}): Record<string, string> {
  const { id = 'hello', name = `msg-plugin-${id}`, version = '1.0.0', word = id, command, pjson, files } = options
  const path = command === undefined ? undefined : ['commands', ...command.split(':')].join('/') + '.js'
  const manifest = { version, commands: command === undefined ? {} : { [command]: manifestOf(command, path!) } }
  const all: Record<string, string | undefined> = {
    'package.json': JSON.stringify({
      name,
      version,
      description: 'says hello',
      type: 'module',
      peerDependencies: { 'msg-cli': '*' },
      peerDependenciesMeta: { 'msg-cli': { optional: true } },
      oclif: { commands: './commands', topicSeparator: ' ' },
      msg: { api: 1, server: './server.js', client: './client.js' },
      ...pjson,
    }),
    'oclif.manifest.json': JSON.stringify(manifest),
    'protocol.js': `import { defineProtocol, message } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'
const text = { schema: v.string(), maxBytes: 1000 }
export const protocol = defineProtocol({ id: '${id}', version: 1, messages: { hi: message({ from: 'client', ...text, answer: text }) } })\n`,
    'server.js': `import { defineServerPlugin } from 'msg-cli/plugin'
import { protocol } from './protocol.js'
export default defineServerPlugin({ protocol, setup(server) { server.handle('hi', (text) => text + ' from ${version}') } })\n`,
    'client.js': `import { defineClientPlugin } from 'msg-cli/plugin'
import { protocol } from './protocol.js'
export default defineClientPlugin({ protocol, setup(client) {
  client.command({ name: '${word}', summary: 'says hello', run: async () => ({ said: await client.request('hi', 'hello') }), text: ({ said }) => [said] })
} })\n`,
    ...(path === undefined
      ? {}
      : {
          [path]: `import { PluginOneShot } from 'msg-cli/command'
export default class extends PluginOneShot {
  static summary = 'says hello'
  async run() { process.stdout.write('hello from ${version}\\n') }
}\n`,
        }),
    ...files,
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** Writes it as a folder. @returns its path */
export function pluginFolder(folder: string, options?: PluginPackage): string {
  for (const [path, content] of Object.entries(pluginFiles(options))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

/** Writes it as a tarball. @returns its path */
export function pluginTarball(path: string, options?: PluginPackage): string {
  const files = Object.entries(pluginFiles(options)).map(([name, content]) => ({ name: `package/${name}`, content }))
  writeFileSync(path, tarball(files))
  return path
}

function manifestOf(id: string, path: string): object {
  return {
    id,
    aliases: [],
    args: {},
    flags: {},
    hasDynamicHelp: false,
    hiddenAliases: [],
    isESM: true,
    relativePath: path.split('/'),
    strict: true,
    summary: 'says hello',
  }
}
