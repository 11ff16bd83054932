import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { CommandHistory } from '../../../../src/cli/prompt/history.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('CommandHistory', () => {
  const directory = useTempDir()
  const path = (): string => join(directory(), 'deep', 'history')
  const open = (size?: number): CommandHistory =>
    new CommandHistory({ path: path(), isSecret: (line) => line.includes('secret'), ...(size ? { size } : {}) })

  it('is empty at first', () => {
    expect(open().lines()).to.deep.equal([])
  })

  it('is there again in the next run, newest first', () => {
    open().keep(['second', 'first'])
    expect(open().lines()).to.deep.equal(['second', 'first'])
    expect(readFileSync(path(), 'utf8')).to.equal('first\nsecond\n')
  })

  it('can be read by its owner only', () => {
    open().keep(['users'])
    expect(statSync(path()).mode & 0o777).to.equal(0o600)
  })

  it('never stores a line with a password, not even in memory', () => {
    const lines = ['login alice secret', 'users']
    const history = open()
    history.keep(lines)
    expect(lines).to.deep.equal(['users'])
    expect(history.lines()).to.deep.equal(['users'])
    expect(readFileSync(path(), 'utf8')).not.to.contain('secret')
  })

  it('forgets blank lines and pasted novels', () => {
    const history = open()
    history.keep(['  ', 'x'.repeat(5_000), 'users'])
    expect(history.lines()).to.deep.equal(['users'])
  })

  it('keeps the newest when there are too many', () => {
    open(2).keep(['c', 'b', 'a'])
    expect(open().lines()).to.deep.equal(['c', 'b'])
  })

  it('works in memory where the file cannot be written', () => {
    mkdirSync(join(directory(), 'deep'))
    mkdirSync(path())
    const history = open()
    history.keep(['users'])
    expect(history.lines()).to.deep.equal(['users'])
    writeFileSync(join(directory(), 'file'), '')
    const nowhere = new CommandHistory({ path: join(directory(), 'file', 'history'), isSecret: () => false })
    nowhere.keep(['rooms'])
    expect(nowhere.lines()).to.deep.equal(['rooms'])
  })

  it('stays in memory without a path', () => {
    const history = new CommandHistory({ path: undefined, isSecret: () => false })
    history.keep(['users'])
    expect(history.lines()).to.deep.equal(['users'])
  })
})
