import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { BIN } from './run-msg.ts'
import { removeTempDirs, tempDir } from './temp.ts'

const root = join(dirname(BIN), '..')

/** Packs a package as its author does; what it runs before that has to have run already. @returns the tarball's path */
export function pack(folder: string, into: string): string {
  const npm = join(dirname(createRequire(import.meta.url).resolve('npm/package.json')), 'bin', 'npm-cli.js')
  mkdirSync(into, { recursive: true })
  const before = new Set(readdirSync(into))
  const words = [npm, 'pack', folder, '--ignore-scripts', '--silent', '--offline', `--pack-destination=${into}`]
  execFileSync(process.execPath, words, { cwd: into, stdio: ['ignore', 'ignore', 'inherit'] })
  const [made] = readdirSync(into).filter((name) => !before.has(name))
  return join(into, made!)
}

/** msg as somebody gets it who has no checkout: packed and unpacked. What it depends on is the checkout's, so that no network is needed. @returns its bin */
export function unpackMsg(into: string): string {
  const tarball = pack(root, join(into, 'packed'))
  execFileSync('tar', ['xzf', tarball, '-C', into])
  symlinkSync(join(root, 'node_modules'), join(into, 'package', 'node_modules'), 'junction')
  return join(into, 'package', 'bin', 'run.js')
}

/** {@link unpackMsg} once for the tests of a suite. @returns its bin */
export function usePackedMsg(): () => string {
  let bin = ''
  before(() => {
    bin = unpackMsg(tempDir())
  })
  after(() => removeTempDirs())
  return () => bin
}

/** The packages that come with msg. */
export const PLUGIN_FOLDERS = readdirSync(join(root, 'plugins'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
  .map(({ name }) => join(root, 'plugins', name))
