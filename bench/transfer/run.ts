import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { machineLine } from '../helpers/figures.ts'
import { tableOf, type Row } from '../link/table.ts'
import { files, four, loopback, namespaces, wan } from './cases.ts'
import type { Case } from './context.ts'
import { jsonOf, parseSize } from './report.ts'
import { Workspace } from './workspace.ts'

// npm run bench:transfer [-- name …] [--runs n] [--size 512MiB] [--dir folder] [--alone] [--json] [--profile folder]

const CASES: Record<string, Case> = { loopback, namespaces, wan, four, files }
const USAGE = `usage: npm run bench:transfer -- [case …] [--runs n] [--size 512MiB] [--dir folder] [--alone] [--json] [--profile folder]

  case        ${Object.keys(CASES).join(', ')}; all without one
  --runs      times each case is repeated, 3 without it
  --size      of the file, 512MiB without it
  --dir       folder on the file system to measure, ${tmpdir()} without it
  --alone     no peers
  --json      figures for a program instead of a table
  --profile   folder for CPU profiles of msg's clients, threads included; figures are not worth much then`

function options() {
  const { values, positionals: names } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '3' },
      size: { type: 'string', default: '512MiB' },
      dir: { type: 'string', default: tmpdir() },
      alone: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  })
  const [runs, size] = [Number(values.runs), parseSize(values.size)]
  const unknown = names.filter((name) => !(name in CASES))
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}`)
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs is a whole number from 1')
  if (size === undefined) throw new Error(`--size ${values.size}?`)
  return { ...values, names, runs, size }
}

async function main(): Promise<void> {
  const { names, runs, size, dir, alone: isAlone, json, profile } = options()
  const workspace = await Workspace.make(dir)
  const policy = 'msg syncs the received file before it counts as landed, others leave it to the system'
  const head = `runs ${runs}, ${size} bytes of noise, ${workspace.fileSystem}, read from the page cache; ${policy}`
  if (!json) console.log(`${machineLine()}\n${head}\n`)
  const rows: Row[] = []
  try {
    const source = await workspace.file('source.bin', size)
    for (const [name, measure] of Object.entries(CASES)) {
      if (names.length > 0 && !names.includes(name)) continue
      console.error(`measuring ${name} …`)
      try {
        rows.push(...(await measure({ runs, size, workspace, source, isAlone, profile })))
      } catch (error) {
        rows.push({ what: name, unit: '', samples: [], skipped: `failed, ${(error as Error).message}` })
        process.exitCode = 1
      }
    }
  } finally {
    workspace.close()
  }
  if (json) console.log(jsonOf(rows, { machine: machineLine(), conditions: head }))
  else for (const line of tableOf(rows)) console.log(line)
}

// Ends like any other process, so that namespaces and files are removed and children see their channel close.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  await main()
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`)
  process.exit(2)
}
