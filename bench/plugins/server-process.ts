import { createServer } from '../../src/core/index.ts'

// A server with the plugins broadcast and presence in a process of its own: `server-process.ts <directory>`; its first line is its port.

const halves = await Promise.all(
  ['broadcast', 'presence'].map(async (name) => {
    const url = new URL(`../../plugins/${name}/dist/server.js`, import.meta.url)
    return ((await import(url.href)) as { default: never }).default
  }),
)
const server = await createServer({
  dataDir: process.argv[2]!,
  host: '127.0.0.1',
  port: 0,
  udpPort: 0,
  passwordCost: 'minimal',
  limits: { unauthenticatedPerAddress: 10_000, signInTimeoutMs: 600_000 },
  // As it is by default, but for how often one may broadcast.
  plugins: [{ plugin: halves[0]!, options: { perMinute: 600 } }, { plugin: halves[1]! }],
})
console.log(JSON.stringify({ port: server.address.port }))
process.on('SIGTERM', () => void server.close())
