import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { pathNames } from '../../../../src/cli/prompt/path-names.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('paths that a typed beginning can become', () => {
  const directory = useTempDir()

  beforeEach(() => {
    mkdirSync(join(directory(), 'docs', 'deep'), { recursive: true })
    for (const name of ['data.bin', 'a b.txt', '.hidden', 'docs/one', 'evil\u001b[2J'])
      writeFileSync(join(directory(), name), '')
  })

  it('are what is in the folder, folders with a slash', async () => {
    expect(await pathNames('d', directory())).to.deep.equal(['data.bin', 'docs/'])
    expect(await pathNames('docs/', directory())).to.deep.equal(['docs/deep/', 'docs/one'])
    expect(await pathNames(`${directory()}/da`)).to.deep.equal([`${directory()}/data.bin`])
  })

  it('are hidden ones only where a dot was typed, and none that a terminal would act on', async () => {
    expect(await pathNames('', directory())).to.deep.equal(['a b.txt', 'data.bin', 'docs/'])
    expect(await pathNames('.', directory())).to.deep.equal(['.hidden'])
    expect(await pathNames('evil', directory())).to.deep.equal([])
  })

  it('are none where there is no folder', async () => {
    expect(await pathNames('nowhere/x', directory())).to.deep.equal([])
  })

  it('keep the tilde that was typed', async () => {
    for (const name of await pathNames('~/')) expect(name.startsWith('~/'), homedir()).to.equal(true)
  })
})
