import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readSource } from '../../../../src/cli/plugin-packages/source.ts'
import type { MsgError } from '../../../../src/core/errors.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('where a package comes from', () => {
  const directory = useTempDir()
  const read = (word: string): string => {
    try {
      const { kind, spec } = readSource(word, directory())
      return `${kind} ${spec}`
    } catch (error) {
      return (error as MsgError).code
    }
  }

  it('is a file or a folder when it is there, whatever it looks like', () => {
    writeFileSync(join(directory(), 'x.tgz'), '')
    mkdirSync(join(directory(), 'plugins', 'x'), { recursive: true })
    const file = `file ${join(directory(), 'x.tgz')}`
    for (const word of [
      'x.tgz',
      './x.tgz',
      join(directory(), 'x.tgz'),
      'file:x.tgz',
      `file://${join(directory(), 'x.tgz')}`,
    ])
      expect(read(word), word).to.equal(file)
    for (const word of ['plugins/x', './plugins/x/', join(directory(), 'plugins', 'x')])
      expect(read(word), word).to.equal(`folder ${join(directory(), 'plugins', 'x')}`)
  })

  it('is told to be missing when it looks like a path and is none', () => {
    for (const word of ['./x.tgz', 'x.tgz', '/nowhere/x', '../no/where', '~/x', 'file:nowhere'])
      expect(read(word), word).to.equal('MSG_ERR_FILE_UNKNOWN')
  })

  it('is a name on npm, with a version, a range or a tag', () => {
    for (const word of ['msg-plugin-x', 'msg-plugin-x@1.0.0', 'msg-plugin-x@^1', '@me/x', '@me/x@next', 'x@>=1'])
      expect(read(word), word).to.equal(`registry ${word}`)
  })

  it('is a name on npm although a folder is called alike: a folder is ./name', () => {
    mkdirSync(join(directory(), 'broadcast'))
    expect(read('broadcast')).to.equal('registry broadcast')
    expect(read('./broadcast')).to.equal(`folder ${join(directory(), 'broadcast')}`)
  })

  it('is an address', () => {
    for (const word of [
      'https://example.org/x.tgz',
      'git+https://example.org/x.git',
      'github:me/x',
      'git+ssh://git@example.org/x',
    ])
      expect(read(word), word).to.equal(`address ${word}`)
  })

  it('is no flag, no repository that is not said to be one, no nonsense', () => {
    for (const word of ['', '-g', '--global', 'me/x', 'a b', 'X', 'x@', 'x\n', 'x@a/b', 'x@file:/etc'])
      expect(read(word), JSON.stringify(word)).to.equal('MSG_ERR_USAGE')
  })
})
