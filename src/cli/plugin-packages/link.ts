import { statSync } from 'node:fs'
import { MsgError } from '../../core/errors.ts'
import { checkDeclared, checkProbed } from './checks.ts'
import { filesOfFolder, readDeclared, type Declared } from './declared.ts'
import { hostSeenFrom, linkHost, unlinkHost } from './host-link.ts'
import { removePackage, type InstallDeps } from './install.ts'
import { changeList, readList } from './list.ts'
import { probing } from './probing.ts'

/** What became of a folder that was linked. */
export interface Linked {
  readonly declared: Declared
  readonly id: string | undefined
  readonly root: string
  /** Another msg that it imports from; undefined when it is this one, or when it has only commands. */
  readonly copy: string | undefined
}

/**
 * Puts a folder on the list of plugins, after the checks that packages pass too.
 *
 * @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_PLUGIN_… saying what is wrong; nothing is changed then
 */
export async function linkPackage(
  root: string,
  deps: Omit<InstallDeps, 'trust' | 'runsScripts' | 'say'>,
): Promise<Linked> {
  const { dataDir, host, signal } = deps
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: root })
  const files = filesOfFolder(root)
  const declared = readDeclared(files)
  const { name, version, server, client } = declared
  checkDeclared(declared, files, deps.others, deps.api)
  const before = readList(dataDir).find((entry) => entry.name === name)
  const isLinking = hostSeenFrom(root) === undefined
  if (isLinking) linkHost(root, host)
  try {
    const commands = declared.commands.flatMap(({ path }) => path ?? [])
    const [{ parts: probed }, othersProbed, words] = await Promise.all([
      probing({ root, server, client, commands }, signal),
      deps.othersProbed(),
      deps.words(),
    ])
    const others = othersProbed.filter((other) => other.name !== name)
    const id = checkProbed({ name, declared, probed }, others, words)
    const isSame = before?.type === 'link' && before.root === root
    if (before && !isSame) removePackage(dataDir, before)
    const hasOwnLink = isLinking || (isSame && before.hasOwnLink === true)
    const entry = { name, type: 'link' as const, root, version, id, ...(hasOwnLink ? { hasOwnLink } : {}) }
    changeList(dataDir, (list) => [...list.filter((other) => other.name !== name), entry])
    const seen = hostSeenFrom(root)
    return { declared, id, root, copy: seen === host ? undefined : seen }
  } catch (error) {
    if (isLinking) unlinkHost(root)
    throw error
  }
}
