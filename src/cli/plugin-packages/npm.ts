import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { MsgError } from '../../core/errors.ts'

/** How npm is run. */
export interface NpmOptions {
  readonly cwd: string
  readonly signal: AbortSignal
  /** Scripts of packages run. @default false */
  readonly runsScripts?: boolean
  /** What a package needs only while somebody works on it is installed too. @default false */
  readonly isDevelopment?: boolean
}

/**
 * Runs the npm that comes with msg.
 *
 * @returns what it printed on stdout
 * @throws MSG_ERR_PLUGIN_FETCH with npm's own reason, MSG_ERR_CANCELLED
 */
export async function npm(
  args: readonly string[],
  { cwd, signal, runsScripts = false, isDevelopment = false }: NpmOptions,
): Promise<string> {
  const registry = process.env['MSG_NPM_REGISTRY']
  const words = [
    ...args,
    ...FLAGS,
    ...(isDevelopment ? [] : ['--omit=dev']),
    ...(runsScripts ? [] : ['--ignore-scripts']),
    ...(registry ? [`--registry=${registry}`] : []),
  ]
  const child = spawn(process.execPath, [npmPath(), ...words], {
    cwd,
    env: environment(),
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr = `${stderr}${chunk.toString()}`.slice(-MAX_SAID)))
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).catch((cause: Error) => {
    if (signal.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'the installation', cause })
    throw new MsgError('MSG_ERR_PLUGIN_FETCH', { detail: `npm did not start (${cause.message})`, cause })
  })
  if (signal.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'the installation' })
  if (status !== 0) throw new MsgError('MSG_ERR_PLUGIN_FETCH', { detail: reasonIn(stderr) })
  return stdout
}

/** npm's own reason, in a line. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/u, '').trim())
    .filter((line) => line !== '' && !/^(?:npm warn|A complete log of this run|The above)/iu.test(line))
  const code = lines.find((line) => line.startsWith('code '))?.slice('code '.length)
  if (code === 'E404') return 'there is no such package in the registry'
  const [reason = 'npm failed'] = lines.filter((line) => !/^(?:code|errno|syscall|path|dest) /u.test(line))
  return `${reason.slice(0, 200)}${code === undefined || reason.includes(code) ? '' : ` (${code})`}`
}

function npmPath(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('@oclif/plugin-plugins'))
  return join(dirname(require.resolve('npm/package.json')), 'bin', 'npm-cli.js')
}

/** Without what an npm around this process tells those it runs. */
function environment(): NodeJS.ProcessEnv {
  const own = /^npm_(?:package_|lifecycle_|command$|execpath$|config_(?:local_prefix|global|workspaces?|prefix)$)/iu
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)))
}

/**
 * Packages that a plugin only expects to be there are the host's part: npm neither fetches them nor complains. Nothing is audited or funded: that asks
 * the registry about more than is installed.
 */
const FLAGS = [
  '--legacy-peer-deps',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--no-package-lock',
  '--no-progress',
  '--loglevel=error',
  '--global=false',
]
/** Of what npm says, UTF-16 units. */
const MAX_SAID = 20_000
