import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MsgError } from '../../core/errors.ts'

/** Where a package comes from: `spec` is as npm takes it, a path is absolute. */
export interface Source {
  readonly kind: 'file' | 'folder' | 'registry' | 'address'
  readonly spec: string
}

/**
 * Understands what somebody wrote behind `install`: what is there as a file or folder is that, the rest is npm's.
 *
 * @param cwd - where relative paths begin
 * @throws MSG_ERR_FILE_UNKNOWN for what looks like a path and is none; MSG_ERR_USAGE
 */
export function readSource(word: string, cwd: string): Source {
  if (word === '' || word.startsWith('-') || /[\0\n\r]/u.test(word)) throw usage(word)
  if (ADDRESS.test(word)) return { kind: 'address', spec: word }
  const path = word.replace(/^file:(?:\/\/(?=\/))?/u, '')
  const looksLikePath = path !== word || /^[.~]|^\/|^[a-z]:[\\/]|\.(?:tgz|tar\.gz|tar)$/iu.test(word)
  const absolute = resolve(cwd, path)
  const found = looksLikePath || !PACKAGE.test(word) ? statOf(absolute) : undefined
  if (found === 'file' || found === 'folder') return { kind: found, spec: absolute }
  if (looksLikePath) throw new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: word })
  if (PACKAGE.test(word)) return { kind: 'registry', spec: word }
  throw usage(word)
}

function statOf(path: string): 'file' | 'folder' | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat?.isFile() ? 'file' : stat?.isDirectory() ? 'folder' : undefined
}

function usage(word: string): MsgError {
  const detail = `${JSON.stringify(word.slice(0, 100))} is no path that exists, no package name and no address; a repository is github:owner/name`
  return new MsgError('MSG_ERR_USAGE', { detail })
}

const ADDRESS = /^(?:https?:\/\/|git\+(?:ssh|https?|file):\/\/|git@|ssh:\/\/|github:|gitlab:|bitbucket:)\S+$/u
/** A name as npm allows it for new packages, and a version, range or tag. */
const PACKAGE = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9][a-z0-9-._]*(?:@[^\s/\\:]+)?$/u
