import { createHash } from 'node:crypto'
import { copyFileSync, createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MsgError } from '../../core/errors.ts'
import { npm } from './npm.ts'
import type { Source } from './source.ts'

/** A package's tarball in a folder of ours. */
export interface Fetched {
  readonly path: string
  /** `sha512-…`, as npm writes it. */
  readonly integrity: string
  /** Packed, bytes. */
  readonly bytes: number
}

/**
 * Brings a package's tarball into `folder`, where nobody changes it between being looked at and being installed. Nothing of the package runs, and nothing
 * that it depends on is fetched.
 *
 * @throws MSG_ERR_PLUGIN_FETCH, MSG_ERR_PLUGIN_PACKAGE, MSG_ERR_CANCELLED
 */
export async function fetchPackage({ kind, spec }: Source, folder: string, signal: AbortSignal): Promise<Fetched> {
  let path = join(folder, 'package.tgz')
  if (kind === 'file') {
    const { size } = statSync(spec)
    if (size > MAX_PACKED_BYTES) throw tooLarge(size)
    copyFileSync(spec, path)
  } else {
    if (kind === 'folder' && !existsSync(join(spec, 'package.json')))
      throw new MsgError('MSG_ERR_PLUGIN_PACKAGE', { detail: `there is no package.json in ${spec}` })
    await npm(['pack', spec, '--silent', '--prefer-online', `--pack-destination=${folder}`], {
      cwd: folder,
      signal,
    }).catch((error) => {
      if (kind !== 'registry' || !MsgError.is(error) || !existsSync(spec)) throw error
      const detail = `${error.detail}; the folder of that name is ./${spec}`
      throw new MsgError(error.code, { detail, cause: error })
    })
    const [made] = readdirSync(folder).filter((name) => /\.t(?:ar\.)?gz$/u.test(name))
    if (made === undefined) throw new MsgError('MSG_ERR_PLUGIN_FETCH', { detail: `npm packed nothing of ${spec}` })
    path = join(folder, made)
  }
  const { size } = statSync(path)
  if (size > MAX_PACKED_BYTES) throw tooLarge(size)
  return { path, integrity: await integrityOf(path), bytes: size }
}

async function integrityOf(path: string): Promise<string> {
  const hash = createHash('sha512')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return `sha512-${hash.digest('base64')}`
}

function tooLarge(bytes: number): MsgError {
  return new MsgError('MSG_ERR_PLUGIN_PACKAGE', { detail: `it has ${bytes} bytes, and may have ${MAX_PACKED_BYTES}` })
}

/** Far over any plugin, bytes. */
const MAX_PACKED_BYTES = 67_108_864
