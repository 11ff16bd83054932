// Brings a checkout to the point where msg runs: dependencies as package-lock.json says, dist/ as src/ says.
// Only built-in modules: it runs before anything is installed. `node scripts/setup.js [install|build]`, both by default.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...parts) => join(root, ...parts)
const installStamp = at('node_modules', '.setup')
const buildStamp = at('dist', '.setup.json')
const manifest = at('oclif.manifest.json')

const step = process.argv[2]
if (step !== 'build') install()
if (step !== 'install') build()

/** Runs npm only when what is installed is not what the lock file says. */
function install() {
  const lock = readFileSync(at('package-lock.json'))
  const wanted = digest([lock, `${process.platform}-${process.arch}`])
  if (isInstalled(JSON.parse(lock)) && read(installStamp) === wanted) return
  if (!isInstalled(JSON.parse(lock)) || read(installStamp) !== undefined) {
    run('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], 'install the dependencies')
  }
  writeFileSync(installStamp, wanted)
}

/** Compares npm's own record of the tree, and that each package is still there. Optional packages of other platforms may be missing. */
function isInstalled(lock) {
  const record = read(at('node_modules', '.package-lock.json'))
  if (record === undefined) return false
  const have = JSON.parse(record).packages
  const isSame = ([path, entry]) => {
    if (path === '' || entry.link || !path.includes('node_modules')) return true
    if (have[path] === undefined) return entry.optional === true && !isForThisPlatform(entry)
    return have[path].integrity === entry.integrity && existsSync(at(path, 'package.json'))
  }
  return Object.entries(lock.packages).every(isSame) && Object.keys(have).every((path) => lock.packages[path])
}

/** Only what names both a system and a processor is certain; libc variants are alternatives of each other. */
function isForThisPlatform({ os, cpu, libc }) {
  if (os === undefined || cpu === undefined || libc !== undefined) return false
  return os.includes(process.platform) && cpu.includes(process.arch)
}

/** Compiles only when sources, settings or dist/ differ from the last build; nothing of a deleted source survives. */
function build() {
  const inputs = digest(
    [
      ...files(at('src')),
      ...files(at('bin')),
      ...pluginFolders().flatMap((folder) => files(folder).filter((path) => !isMade(folder, path))),
      at('tsconfig.json'),
      at('package.json'),
      at('package-lock.json'),
      at('scripts', 'setup.js'),
    ].flatMap((path) => [relative(root, path), readFileSync(path)]),
  )
  const last = JSON.parse(read(buildStamp) ?? '{}')
  const isUntouched = last.outputs !== undefined && last.outputs === outputs()
  if (isUntouched && last.inputs === inputs) return
  // tsc trusts its own record and would not write again what somebody else has changed or deleted.
  if (!isUntouched) rmSync(at('dist'), { recursive: true, force: true })
  rmSync(buildStamp, { force: true })
  rmSync(manifest, { force: true })
  run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '--project', at('tsconfig.json')], 'compile')
  removeOrphans()
  run(process.execPath, [at('node_modules', 'oclif', 'bin', 'run.js'), 'manifest'], 'write the command manifest', true)
  buildPlugins()
  mkdirSync(at('dist'), { recursive: true })
  writeFileSync(buildStamp, JSON.stringify({ inputs, outputs: outputs() }))
}

/**
 * The packages under plugins/: each is compiled against this one, which it finds in plugins/node_modules as if it were installed there. The
 * package.json made there tells bin/load-options.js which plugins there are.
 */
function buildPlugins() {
  const modules = at('plugins', 'node_modules')
  rmSync(modules, { recursive: true, force: true })
  const folders = pluginFolders()
  if (folders.length === 0) return
  mkdirSync(modules)
  link(root, join(modules, 'msg-cli'))
  const dependencies = {}
  for (const folder of folders) {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    rmSync(join(folder, 'dist'), { recursive: true, force: true })
    rmSync(join(folder, 'oclif.manifest.json'), { force: true })
    run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '--project', folder], `compile ${name}`)
    const oclif = [at('node_modules', 'oclif', 'bin', 'run.js'), 'manifest']
    run(process.execPath, oclif, `write the command manifest of ${name}`, true, folder)
    link(folder, join(modules, name))
    dependencies[name] = version
  }
  writeFileSync(join(modules, 'package.json'), `${JSON.stringify({ private: true, dependencies }, undefined, 2)}\n`)
}

function pluginFolders() {
  return readdirSync(at('plugins'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(at('plugins', entry.name, 'package.json')))
    .map((entry) => at('plugins', entry.name))
}

/** True for what a build makes in a plugin's folder. */
function isMade(folder, path) {
  return /^(dist|node_modules)[\\/]|^oclif\.manifest\.json$/u.test(relative(folder, path))
}

function link(target, path) {
  symlinkSync(process.platform === 'win32' ? target : relative(dirname(path), target), path, 'junction')
}

function removeOrphans() {
  for (const path of files(at('dist'))) {
    const source = at('src', relative(at('dist'), path).replace(/(\.d\.ts|\.js)$/u, '.ts'))
    if (/(\.d\.ts|\.js)$/u.test(path) && !existsSync(source)) rmSync(path)
  }
}

function outputs() {
  const made = pluginFolders().flatMap((folder) => files(folder).filter((path) => isMade(folder, path)))
  const paths = [...files(at('dist')).filter((path) => path !== buildStamp), ...made]
  if (existsSync(at('plugins', 'node_modules', 'package.json')))
    paths.push(at('plugins', 'node_modules', 'package.json'))
  if (existsSync(manifest)) paths.push(manifest)
  return digest(paths.flatMap((path) => [relative(root, path), readFileSync(path)]))
}

/** Every file under a directory, sorted; none when there is no such directory. */
function files(directory) {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

function digest(parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex')
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/** Runs a tool; its output goes to stderr, and stays hidden while it works when `isQuiet`. */
function run(command, args, purpose, isQuiet = false, cwd = root) {
  process.stderr.write(`> ${purpose}\n`)
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    stdio: isQuiet ? 'pipe' : ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
    env: { ...process.env, OCLIF_SKIP_NEW_VERSION_CHECK: '1', MSG_CLI_SKIP_NEW_VERSION_CHECK: '1' },
  })
  if (error === undefined && status === 0) return
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}msg: could not ${purpose}${error ? `: ${error.message}` : ''}\n`)
  process.exit(status || 1)
}
