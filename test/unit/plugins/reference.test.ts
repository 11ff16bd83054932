import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { CLIENT_HOOKS, SERVER_HOOKS, type HookSpec } from '../../../src/core/plugins/hooks.ts'

const text = readFileSync(new URL('../../../docs/PLUGINS.md', import.meta.url), 'utf8')

/** The cells of each row of the table of hooks. */
const rows = text
  .split('\n')
  .filter((line) => /^\| (?:server|client) \|/u.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, 5)
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
const rowsOf = (side: string, hooks: Readonly<Record<string, HookSpec>>): string[][] =>
  Object.entries(hooks).map(([name, { kind, onFailure }]) => [side, name, kind, onFailure])

describe('docs/PLUGINS.md', () => {
  it('lists every hook with its kind and what a failure does, as the code has them', () => {
    expect(rows).to.deep.equal([...rowsOf('server', SERVER_HOOKS), ...rowsOf('client', CLIENT_HOOKS)])
  })
})
