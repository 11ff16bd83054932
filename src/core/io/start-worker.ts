import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Starts the thread whose script stands beside `url`'s file under the name `main`: it ends in .js when built; in a checkout in .ts, which threads do
 * not load by themselves.
 *
 * @param url - `import.meta.url` of the caller. @param main - without its ending.
 */
export function startWorker(url: string, main: string, options: WorkerOptions): Worker {
  const script = new URL(`${main}${/\.\w+$/.exec(url)?.[0] ?? '.js'}`, url)
  if (!script.pathname.endsWith('.ts')) return new Worker(script, options)
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'))
  const loader = new URL('dist/esm/api/index.mjs', tsx).href
  const loading = `import('${loader}').then(({ register }) => { register(); return import('${script.href}') })`
  return new Worker(loading, { ...options, eval: true, execArgv: [] })
}
