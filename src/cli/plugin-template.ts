import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { MsgError } from '../core/errors.ts'
import { isPluginId } from '../core/wire/plugin-id.ts'

/** A package that was written. */
export interface CreatedPackage {
  readonly name: string
  readonly folder: string
  /** Paths below `folder`. */
  readonly files: readonly string[]
}

/**
 * Writes a plugin's whole package: the template, with its name in place of `hello`.
 *
 * @param id - of the plugin.
 * @param folder - made; may exist when it is empty.
 * @param host - folder of the msg that runs.
 * @throws MSG_ERR_USAGE for what is no id, MSG_ERR_TRANSFER_EXISTS when something is in the folder
 */
export function createPackage(id: string, folder: string, host: string): CreatedPackage {
  if (!isPluginId(id))
    throw new MsgError('MSG_ERR_USAGE', {
      detail: `“${id}” is no name of a plugin: 2 to 32 small letters, digits and hyphens, a letter first`,
    })
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new MsgError('MSG_ERR_TRANSFER_EXISTS', { detail: folder })
  mkdirSync(folder, { recursive: true })
  cpSync(join(host, 'templates', 'plugin'), folder, { recursive: true })
  // npm would leave a file of its proper name out of the package.
  renameSync(join(folder, 'gitignore'), join(folder, '.gitignore'))
  const pascal = id.replaceAll(/(?:^|-+)([a-z0-9])/gu, (_, letter: string) => letter.toUpperCase())
  const files = filesIn(folder).map((path) => {
    const named = join(folder, path.replaceAll('hello', id))
    renameSync(join(folder, path), named)
    const text = readFileSync(named, 'utf8').replaceAll('hello', id).replaceAll('Hello', pascal)
    writeFileSync(named, text)
    return relative(folder, named)
  })
  return { name: `msg-plugin-${id}`, folder, files: files.sort() }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}
