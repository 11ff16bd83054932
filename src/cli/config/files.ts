import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { defaultLoadersSync } from 'cosmiconfig'
import { MsgError } from '../../core/errors.ts'

/** One configuration file that was found and read. */
export interface ConfigFile {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
}

/**
 * The nearest project file at or above `from`, or `undefined`.
 *
 * The search ends at the project's root (a directory with `.git` or `package.json`), at the home directory, and at the
 * file system's root.
 */
export function projectFile(from: string): ConfigFile | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const file = firstFile(directory, PROJECT_FILES)
    if (file) return file
    const isLast = directory === dirname(directory) || directory === homedir()
    if (isLast || PROJECT_ROOTS.some((name) => exists(join(directory, name)))) return undefined
  }
}

/** The user's own file in `configDir`, or `undefined`. */
export function userFile(configDir: string): ConfigFile | undefined {
  return firstFile(configDir, USER_FILES)
}

function firstFile(directory: string, names: readonly string[]): ConfigFile | undefined {
  for (const name of names) {
    const path = join(directory, name)
    const text = readText(path)
    if (text !== undefined) return { path, values: parse(path, text) }
  }
  return undefined
}

function readText(path: string): string | undefined {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw invalid(`${path} is over ${MAX_FILE_BYTES} bytes`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (MsgError.is(error)) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw invalid(`${path} cannot be read (${code})`, error)
  }
}

function parse(path: string, text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {}
  let values: unknown
  try {
    values = path.endsWith('.json') ? LOAD_JSON(path, text) : LOAD_YAML(path, text)
  } catch (error) {
    const [reason = 'no reason'] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw invalid(`${path} is not valid ${path.endsWith('.json') ? 'JSON' : 'YAML'} (${reason})`, error)
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw invalid(`${path} must hold keys and values`)
  }
  return values as Record<string, unknown>
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function invalid(detail: string, cause?: unknown): MsgError {
  return new MsgError('MSG_ERR_CONFIG_INVALID', { detail, cause })
}

// Only the two data loaders of cosmiconfig: its explorer would also run `.config/config.js` of the current directory.
const LOAD_JSON = defaultLoadersSync['.json']
const LOAD_YAML = defaultLoadersSync['.yaml']
const PROJECT_FILES = ['.msgrc.json', '.msgrc.yaml', '.msgrc.yml', '.msgrc']
const USER_FILES = ['config.json', 'config.yaml', 'config.yml']
const PROJECT_ROOTS = ['.git', 'package.json']
/** Far over any real configuration; bounds what is parsed, bytes. */
const MAX_FILE_BYTES = 262_144
