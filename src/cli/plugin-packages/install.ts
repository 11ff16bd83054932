import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { MsgError } from '../../core/errors.ts'
import { checkDeclared, checkProbed, type Checked, type Other, type Words } from './checks.ts'
import { filesOfTarball, readDeclared, READ_FILES, type Declared } from './declared.ts'
import { fetchPackage } from './fetch.ts'
import { HOST, linkHost, unlinkHost } from './host-link.ts'
import { changeList, packagesDir, prefixOf, readList, rootIn, type Listed } from './list.ts'
import { npm } from './npm.ts'
import type { Probed } from './probe.ts'
import { probing } from './probing.ts'
import type { Source } from './source.ts'
import { readTarball } from './tarball.ts'

/** What {@link installPackage} works with. */
export interface InstallDeps {
  /** Where the list and the packages are. */
  readonly dataDir: string
  /** The folder of the msg that runs. */
  readonly host: string
  /** Version of the plugin interface it has. */
  readonly api: number
  /** What is loaded beside. */
  readonly others: readonly Other[]
  /** What importing the others showed; asked for when it is needed. */
  readonly othersProbed: () => Promise<ReadonlyArray<Omit<Checked, 'declared'>>>
  readonly words: () => Promise<{ readonly client: Words; readonly server: Words }>
  /** Asks whether the package is trusted. Nothing of it has run. @throws to refuse */
  readonly trust: (candidate: Candidate) => Promise<void>
  /** npm runs the scripts of the package and of what it depends on. */
  readonly runsScripts: boolean
  readonly signal: AbortSignal
  /** Told what is being done. */
  readonly say: (step: string) => void
}

/** A package before it is trusted. */
export interface Candidate {
  readonly declared: Declared
  readonly source: string
  /** Packed and unpacked, bytes. */
  readonly bytes: number
  readonly unpackedBytes: number
  readonly files: number
  /** Version that is installed; none when it is not. */
  readonly previous: string | undefined
}

/** What became of it. */
export interface Installed extends Candidate {
  /** False when the very same package was there already. */
  readonly isChanged: boolean
  readonly root: string
  readonly id: string | undefined
  /** What importing it showed. */
  readonly probed: readonly Probed[]
}

/**
 * Fetches a package, has it trusted, and installs it into a folder of its own, with what it depends on. It takes its place only when everything has
 * been checked: until then, and when something fails, what was there before stays as it was.
 *
 * @throws MSG_ERR_PLUGIN_… saying what is wrong; whatever `trust` throws
 */
export async function installPackage(source: Source, deps: InstallDeps): Promise<Installed> {
  const { dataDir, host, signal, say } = deps
  const home = packagesDir(dataDir)
  const made = mkdirSync(home, { recursive: true })
  removeLeftovers(home)
  const staging = mkdtempSync(join(home, `${STAGING}${process.pid}-`))
  try {
    linkHost(home, host)
    const fetching = join(staging, 'fetched')
    mkdirSync(fetching)
    if (source.kind !== 'file') say(`fetching ${source.spec}`)
    const { path, integrity, bytes } = await fetchPackage(source, fetching, signal)
    const content = await readTarball(path, READ_FILES)
    const files = filesOfTarball(content)
    const declared = readDeclared(files)
    const { name, version } = declared
    checkDeclared(declared, files, deps.others, deps.api)
    const previous = readList(dataDir).find((entry) => entry.name === name)
    const { unpackedBytes } = content
    const candidate: Candidate = {
      declared,
      source: source.spec,
      bytes,
      unpackedBytes,
      files: content.files.size,
      previous: previous?.version,
    }
    if (previous?.integrity === integrity && existsSync(join(previous.root, 'package.json')))
      return { ...candidate, isChanged: false, root: previous.root, id: previous.id, probed: [] }
    await deps.trust(candidate)
    signal.throwIfAborted()
    const prefix = join(staging, 'prefix')
    say(`installing ${name} ${version}`)
    const root = await unpack(path, prefix, declared, deps)
    if (readFileSync(join(root, 'package.json'), 'utf8') !== content.texts.get('package.json'))
      throw refused(`${name} unpacks to something else than it shows`)
    say(`checking ${name}`)
    const { server, client } = declared
    const commands = declared.commands.flatMap(({ path: module }) => module ?? [])
    const wantsManifest = commands.length > 0 && !declared.hasManifest
    const [{ parts: probed, manifest }, othersProbed, words] = await Promise.all([
      probing({ root, server, client, commands, wantsManifest }, signal),
      deps.othersProbed(),
      deps.words(),
    ])
    const others = othersProbed.filter((other) => other.name !== name)
    const id = checkProbed({ name, declared, probed }, others, words)
    if (manifest !== undefined) {
      const text = (path: string): string | undefined => (path === MANIFEST ? manifest : files.text(path))
      // Now the other names of its commands are known.
      checkDeclared(readDeclared({ ...files, text }), files, deps.others, deps.api)
      writeFileSync(join(root, MANIFEST), manifest)
    }
    const final = prefixOf(dataDir, name)
    const installed = rootIn(final, name)
    const entry: Listed = { name, type: 'user', root: installed, version, id, source: source.spec, integrity }
    const old = join(staging, 'old')
    if (existsSync(final)) renameSync(final, old)
    renameSync(prefix, final)
    changeList(dataDir, (list) => [...list.filter((other) => other.name !== name), entry])
    removeOwnLink(previous)
    return { ...candidate, isChanged: true, root: installed, id, probed }
  } finally {
    rmSync(staging, { recursive: true, force: true })
    tidy(dataDir)
    for (let folder = dataDir; made !== undefined && folder.startsWith(made); folder = dirname(folder))
      removeEmpty(folder)
  }
}

/** Removes an installed or linked package. What it kept elsewhere stays. */
export function removePackage(dataDir: string, entry: Listed): void {
  changeList(dataDir, (list) => list.filter(({ name }) => name !== entry.name))
  if (entry.type === 'user') rmSync(prefixOf(dataDir, entry.name), { recursive: true, force: true })
  removeOwnLink(entry)
  tidy(dataDir)
}

/** The link to msg that was made in the folder of a linked package. */
function removeOwnLink(entry: Listed | undefined): void {
  if (entry?.type === 'link' && entry.hasOwnLink === true) unlinkHost(entry.root)
}

/** @returns the folder of the package. */
async function unpack(
  tarball: string,
  prefix: string,
  { name, version }: Declared,
  { runsScripts, signal }: InstallDeps,
): Promise<string> {
  const file = `${name.replace('/', '+')}-${version}.tgz`
  mkdirSync(prefix)
  writeFileSync(join(prefix, 'package.json'), '{"private":true}\n')
  renameSync(tarball, join(prefix, file))
  await npm(['install', `./${file}`], { cwd: prefix, signal, runsScripts })
  const root = rootIn(prefix, name)
  if (!existsSync(join(root, 'package.json'))) throw refused(`npm did not install ${name}`)
  if (existsSync(join(prefix, 'node_modules', HOST)))
    throw refused(`something that ${name} depends on brings a copy of msg-cli`)
  return root
}

/** Without packages nothing is left of the folder for them. */
function tidy(dataDir: string): void {
  const home = packagesDir(dataDir)
  const isEmpty = existsSync(home) && readdirSync(home).every((name) => name === 'node_modules')
  if (isEmpty) rmSync(home, { recursive: true, force: true })
}

/** What installations left that were killed. */
function removeLeftovers(home: string): void {
  for (const name of readdirSync(home)) {
    const [, pid] = /^\.new-(\d+)-/u.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(home, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Something is in it.
  }
}

function refused(detail: string): MsgError {
  return new MsgError('MSG_ERR_PLUGIN_PACKAGE', { detail })
}

const STAGING = '.new-'
const MANIFEST = 'oclif.manifest.json'
