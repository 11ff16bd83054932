import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { CLIENT_COMMANDS } from '../../src/cli/client-commands/table.ts'
import { SETTING_ROWS } from '../../src/cli/config/settings.ts'
import { SERVER_COMMANDS } from '../../src/cli/server-console/table.ts'
import { ERRORS, type ErrorSpec } from '../../src/core/errors.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8')
const rowsOf = (text: string, start: RegExp): string[] => text.split('\n').filter((line) => start.test(line))

describe('docs/ERRORS.md', () => {
  it('is the table of errors, row by row', () => {
    const expected = Object.entries<ErrorSpec>(ERRORS).map(([code, { message, hint, exit, wire, retryable }]) => {
      const number = wire === undefined ? '' : `0x${wire.toString(16).padStart(2, '0')}`
      return `| \`${code}\` | ${message.replace('%s', '…')} | ${hint ?? ''} | ${exit} | ${number} | ${retryable ? 'yes' : ''} |`
    })
    expect(rowsOf(read('docs', 'ERRORS.md'), /^\| `MSG_ERR_/u)).to.deep.equal(expected)
  })
})

describe('README.md', () => {
  const text = read('README.md')

  it('lists every setting with its flag, variable and default', () => {
    const rows = rowsOf(text, /^\| `\w+` \|.*`MSG_/u)
    expect(rows).to.have.length(SETTING_ROWS.length)
    for (const [key, { flag, env, fallback, fallbackText }] of SETTING_ROWS) {
      const row = rows.find((candidate) => candidate.startsWith(`| \`${key}\` |`)) ?? ''
      expect(row, key).to.contain(`\`${env}\``)
      if (flag !== undefined) expect(row, key).to.contain(`\`--${flag}\``)
      const shown = fallbackText ?? (typeof fallback === 'function' || fallback === false ? '' : String(fallback ?? ''))
      expect(row.replaceAll('`', ''), key).to.contain(shown)
    }
  })

  it('names every command of the client and of the server console, and its short name', () => {
    for (const { name, short } of [...CLIENT_COMMANDS.commands, ...SERVER_COMMANDS.commands]) {
      expect(text, name).to.match(new RegExp(`\`[^\`]*\\b${name}\\b`, 'u'))
      if (short !== undefined) expect(text, name).to.contain(short)
    }
  })

  it('names every exit status that errors have', () => {
    for (const { exit } of Object.values<ErrorSpec>(ERRORS)) expect(text).to.match(new RegExp(`^\\| ${exit} \\|`, 'mu'))
  })

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    for (const document of [text, read('CONTRIBUTING.md')]) {
      for (const [, name] of document.matchAll(/npm run ([\w:]+)/gu)) expect(scripts).to.have.property(name ?? '')
    }
  })

  it('points to documents that exist', () => {
    for (const name of ['README.md', 'CONTRIBUTING.md', 'docs/JSON.md', 'docs/TESTING.md']) {
      for (const [, target] of read(name).matchAll(/\]\((?!https?:)([^)#]+)\)/gu)) {
        expect(() => read(join(name, '..', target ?? '')), `${name} → ${target}`).not.to.throw()
      }
    }
  })
})
