import { machineLine, printFigures, type Figure } from './helpers/figures.ts'
import { measureMemory } from './wall/memory.ts'
import { measureMessages } from './wall/messages.ts'
import { measureRooms } from './wall/rooms.ts'
import { measureSignIns } from './wall/sign-ins.ts'
import { measureStartup } from './wall/startup.ts'

// npm run bench [-- name …]: every figure in one run, with units and noise.

const CASES: Record<string, () => Figure[] | Promise<Figure[]>> = {
  startup: measureStartup,
  messages: measureMessages,
  rooms: measureRooms,
  'sign-ins': measureSignIns,
  memory: measureMemory,
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in CASES))
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; choose from ${Object.keys(CASES).join(', ')}`)
  process.exit(2)
}
console.log(machineLine())
const figures: Figure[] = []
for (const [name, measure] of Object.entries(CASES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.error(`measuring ${name} …`)
  figures.push(...(await measure()))
}
printFigures(figures)
