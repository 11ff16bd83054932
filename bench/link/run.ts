import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { machineLine } from '../helpers/figures.ts'
import { chat, fairness, outage, shallow, tcp } from './cases/hard.ts'
import { loopback, namespaces } from './cases/lan.ts'
import { wan } from './cases/wan.ts'
import type { Case, Context } from './context.ts'
import type { FlowReport } from './flow.ts'
import { plot } from './plot.ts'
import { tableOf, type Row } from './table.ts'
import { readTrace } from './trace.ts'

// npm run bench:link [-- name …] [--runs n] [--scale x] [--congestion bbr|cubic|fast] [--alone] [--plot file.svg] [--plot-trace file.jsonl]

const CASES: Record<string, Case> = { loopback, namespaces, wan, outage, shallow, fairness, tcp, chat }
const USAGE = `usage: npm run bench:link -- [case …] [--runs n] [--scale x] [--congestion bbr|cubic|fast] [--alone] [--plot file.svg] [--plot-trace file.jsonl]

  case           ${Object.keys(CASES).join(', ')}; all without one
  --runs         times each case is repeated, 3 without it
  --scale        what sizes and durations are multiplied by, 1 without it: 0.2 for a quick look
  --congestion   congestion control of msg's flows
  --alone        no peers, where they are not what the case is about
  --plot         one msg flow of the last run over time, as SVG
  --plot-trace   instead of measuring, the busiest link of a trace (docs/TRACES.md) is drawn into the file of --plot`

function options(): {
  names: string[]
  context: Omit<Context, 'onReport'>
  plot: string | undefined
  trace: string | undefined
} {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '3' },
      scale: { type: 'string', default: '1' },
      congestion: { type: 'string' },
      alone: { type: 'boolean', default: false },
      plot: { type: 'string' },
      'plot-trace': { type: 'string' },
    },
  })
  const { congestion } = values
  const [runs, scale] = [Number(values.runs), Number(values.scale)]
  const trace = values['plot-trace']
  if (trace !== undefined && values.plot === undefined) throw new Error('--plot-trace needs --plot')
  const unknown = positionals.filter((name) => !(name in CASES))
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}`)
  if (!Number.isInteger(runs) || runs < 1 || !(scale > 0))
    throw new Error('--runs is a whole number from 1, --scale is above 0')
  if (congestion !== undefined && congestion !== 'bbr' && congestion !== 'cubic' && congestion !== 'fast')
    throw new Error(`--congestion ${congestion}?`)
  return {
    names: positionals,
    context: { runs, scale, isAlone: values.alone, ...(congestion && { congestion }) },
    plot: values.plot,
    trace,
  }
}

async function main(): Promise<void> {
  const { names, context, plot: file, trace } = options()
  if (trace !== undefined && file !== undefined) {
    writeFileSync(file, plot(readTrace(readFileSync(trace, 'utf8')), basename(trace)))
    return
  }
  let last: { name: string; report: FlowReport } | undefined
  const rows: Row[] = []
  console.log(machineLine())
  console.log(
    `runs ${context.runs}, scale ${context.scale}, congestion control ${context.congestion ?? 'as the link chooses'}\n`,
  )
  for (const [name, measure] of Object.entries(CASES)) {
    if (names.length > 0 && !names.includes(name)) continue
    console.error(`measuring ${name} …`)
    try {
      rows.push(...(await measure({ ...context, onReport: (report) => (last = { name, report }) })))
    } catch (error) {
      rows.push({ what: name, unit: '', samples: [], skipped: `failed, ${(error as Error).message}` })
      process.exitCode = 1
    }
  }
  for (const line of tableOf(rows)) console.log(line)
  if (file !== undefined && last) writeFileSync(file, plot(last.report, `msg, ${last.name}`))
}

// Ends like any other process, so that namespaces are removed and children see their channel close.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  await main()
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`)
  process.exit(2)
}
