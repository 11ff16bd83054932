import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { MAX_TEXT } from '../../src/core/chat/frames.ts'
import { MAX_LINE } from '../../src/core/control/methods.ts'
import { MAX_ACCOUNTS } from '../../src/core/control/virtual-address.ts'
import { ERRORS } from '../../src/core/errors.ts'
import { MAX_ADMIN_LINE } from '../../src/core/server/admin-methods.ts'
import { DEFAULT_LIMITS } from '../../src/core/server/limits.ts'
import { MAX_DEVICES } from '../../src/core/store/store.ts'
import { LOCAL_PARAMETERS } from '../../src/core/transport/transport-parameters.ts'

interface Row {
  readonly limit: string
  readonly number: string
  readonly unit: string
  readonly file: string
  readonly name: string
  readonly then: string
}

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('docs/LIMITS.md', root), 'utf8')
const rows: Row[] = text.split('\n').flatMap((line) => {
  const cells = line.split('|').map((cell) => cell.trim())
  const [, limit = '', number = '', unit = '', where = '', then = ''] = cells
  const [, file, name] = /^`([^`]+)` `([^`]+)`$/.exec(where) ?? []
  return file !== undefined && name !== undefined ? [{ limit, number, unit, file, name, then }] : []
})

/** What the source gives a constant, in microseconds where it is a duration; the last of that name counts. */
function valueIn(file: string, name: string): number {
  const source = readFileSync(new URL(`src/core/${file}`, root), 'utf8')
  const found = [...source.matchAll(new RegExp(`\\b${name}(?:: \\w+ =| =|:) ([\\w\\d_ .*+()-]+?)(?:,| \\}|$)`, 'gm'))]
  const expression = found.at(-1)?.[1]
  if (expression === undefined) throw new Error(`${file} has no ${name}`)
  if (!/^(?:seconds|millis|[\d_. *+()-])+$/.test(expression)) throw new Error(`${file} ${name} is ${expression}`)
  const evaluate = new Function('seconds', 'millis', `return ${expression}`) as (...units: unknown[]) => number
  return evaluate(
    (n: number) => n * 1_000_000,
    (n: number) => n * 1_000,
  )
}

/** What a row says, in the unit of its constant: plain milliseconds where the name says so, else microseconds. */
function expected({ number, unit, name }: Row): number {
  const value = Number(number.replaceAll(',', ''))
  if (unit === 's') return value * 1_000_000
  return unit === 'ms' && !/(?:Ms|_MS)$/.test(name) ? value * 1_000 : value
}

describe('docs/LIMITS.md', () => {
  it('has limits to compare', () => {
    expect(rows.length).to.be.above(50)
    expect(new Set(rows.map(({ file, name }) => `${file} ${name}`)).size, 'each once').to.equal(rows.length)
  })

  for (const row of rows) {
    it(`has the number of ${row.name} in ${row.file}`, () => {
      expect(row.number, 'with thousands separated').to.equal(
        Number(row.number.replaceAll(',', '')).toLocaleString('en-US'),
      )
      expect(valueIn(row.file, row.name)).to.equal(expected(row))
    })
  }

  it('lists every limit that a server can be given, as an option', () => {
    const listed = rows.filter(({ file }) => file === 'server/limits.ts')
    expect(listed.map(({ name }) => name).sort()).to.deep.equal(Object.keys(DEFAULT_LIMITS).sort())
    for (const { name, number, limit } of listed) {
      expect(Number(number.replaceAll(',', '')), name).to.equal(DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS])
      expect(limit).to.contain('(*option*)')
    }
    expect(rows.filter(({ limit }) => limit.includes('(*option*)'))).to.have.lengthOf(listed.length)
  })

  it('agrees with what the library itself computes', () => {
    const numberOf = (name: string): number => Number(rows.find((row) => row.name === name)?.number.replaceAll(',', ''))
    expect({
      MAX_LINE: numberOf('MAX_LINE'),
      MAX_ADMIN_LINE: numberOf('MAX_ADMIN_LINE'),
      MAX_TEXT: numberOf('MAX_TEXT'),
      MAX_ACCOUNTS: numberOf('MAX_ACCOUNTS'),
      MAX_DEVICES: numberOf('MAX_DEVICES'),
      initialMaxData: numberOf('initialMaxData'),
      initialMaxStreams: numberOf('initialMaxStreams'),
      idleTimeout: numberOf('idleTimeout') * 1_000_000,
    }).to.deep.equal({
      MAX_LINE,
      MAX_ADMIN_LINE,
      MAX_TEXT,
      MAX_ACCOUNTS,
      MAX_DEVICES,
      initialMaxData: LOCAL_PARAMETERS.initialMaxData,
      initialMaxStreams: LOCAL_PARAMETERS.initialMaxStreams,
      idleTimeout: LOCAL_PARAMETERS.idleTimeout,
    })
  })

  it('names only errors that there are', () => {
    const named = [...text.matchAll(/MSG_ERR_\w+/g)].map(([code]) => code)
    expect(named.filter((code) => !Object.hasOwn(ERRORS, code))).to.deep.equal([])
  })

  it('misses no bound of the rooms that the server is made of', () => {
    const bounds = [
      ['io/listen.ts', 'io/line-connection.ts', 'io/passwords.ts', 'io/event-queue.ts'],
      ['control/rpc.ts', 'control/listings.ts', 'control/presence.ts', 'control/throttle.ts', 'control/candidates.ts'],
      [
        'server/sign-in.ts',
        'server/admin-methods.ts',
        'store/store.ts',
        'transport/endpoint.ts',
        'transport/handshake-budget.ts',
      ],
    ].flat()
    const missing = bounds.flatMap((file) => {
      const source = readFileSync(new URL(`src/core/${file}`, root), 'utf8')
      return [...source.matchAll(/^(?:export )?const ((?:MAX|FREE|PAGE|CAPACITY|BACKLOG|CONCURRENCY)\w*) =/gm)]
        .map(([, name]) => `${file} ${name}`)
        .filter((bound) => !rows.some(({ file: listed, name }) => bound === `${listed} ${name}`))
    })
    expect(missing).to.deep.equal(['control/throttle.ts MAX_COUNT'])
  })
})
