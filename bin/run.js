#!/usr/bin/env node
// The version alone needs no framework: docs/adr/0005-oclif-startup.md has the measurement.
if (process.argv.length === 3 && process.argv[2] === '--version') {
  const { createRequire } = await import('node:module')
  const { name, version } = createRequire(import.meta.url)('../package.json')
  process.stdout.write(`${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`)
} else {
  // What is built is what runs, that of linked plugins too: oclif would look for TypeScript and warn of them.
  globalThis.oclif = { enableAutoTranspile: false }
  const [{ execute }, { loadOptions }] = await Promise.all([import('@oclif/core/execute'), import('./load-options.js')])
  await execute({ loadOptions })
}
