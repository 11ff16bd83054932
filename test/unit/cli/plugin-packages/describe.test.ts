import { expect } from 'chai'
import type { Declared } from '../../../../src/cli/plugin-packages/declared.ts'
import { candidateLines, extendsText } from '../../../../src/cli/plugin-packages/describe.ts'
import { palette } from '../../../../src/cli/render/palette.ts'

const declared: Declared = {
  name: 'msg-plugin-hello',
  version: '1.1.0',
  description: 'says hello',
  author: 'Ann',
  api: 1,
  id: 'hello',
  server: 'server.js',
  client: undefined,
  optIn: true,
  commands: [{ id: 'client:hello', aliases: [], summary: undefined, path: undefined }],
  hasManifest: true,
  hooks: ['init'],
  scripts: ['postinstall'],
  dependencies: { left: '^1' },
}
const lines = (
  changes: Partial<Declared> = {},
  options: { previous?: string | undefined; runsScripts?: boolean } = {},
): string =>
  candidateLines(
    {
      declared: { ...declared, ...changes },
      source: '/tmp/x.tgz',
      bytes: 1_000,
      unpackedBytes: 5_000,
      files: 3,
      previous: 'previous' in options ? options.previous : '1.0.0',
    },
    1,
    options.runsScripts ?? false,
    palette(false),
  ).join('\n')

describe('what is shown of a package before it is trusted', () => {
  it('is all that it declares', () => {
    expect(lines()).to.equal(`msg-plugin-hello 1.1.0 (installed is 1.0.0)
  says hello
  author    Ann
  from      /tmp/x.tgz (1.00 kB packed, 5.00 kB in 3 files)
  plugin    hello
  extends   server, 1 command
  commands  msg client hello
  hooks     init: it runs in every command of msg
  option    does nothing until the configuration turns it on
  made for  plugin api 1; this msg has 1
  needs     left ^1
  scripts   postinstall: not run (--allow-scripts runs them)`)
  })

  it('says that scripts run when they will', () => {
    expect(lines({}, { runsScripts: true })).to.contain('postinstall; those of what it needs run too')
    expect(lines({ scripts: [] }, { runsScripts: true })).to.contain('none of its own; those of what it needs run too')
  })

  it('shows no text of its author as more than text', () => {
    const evil = '\u001b[2J\n  author    somebody trusted\u202e'
    const shown = lines({
      name: evil,
      version: evil,
      description: evil,
      author: evil,
      id: evil,
      hooks: [evil],
      commands: [{ id: evil, aliases: [], summary: evil, path: undefined }],
      dependencies: { [evil]: evil },
    })
    expect(shown).not.to.match(/[\u001b\u202e]/u)
    expect(shown.match(/^ {2}author/gmu)).to.have.length(1)
  })

  it('cuts what is long', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`package-${i}`, '1']))
    expect(lines({ dependencies: many })).to.contain('and 88 more')
    expect(lines({ description: 'x'.repeat(10_000) }).length).to.be.below(2_000)
  })

  it('says nothing of an earlier version that is the same, or is not there', () => {
    for (const previous of ['1.1.0', undefined]) expect(lines({}, { previous })).not.to.contain('installed is')
  })
})

describe('what a package extends', () => {
  it('is told in a few words', () => {
    expect(extendsText({ server: 'a', client: 'b', commands: [] })).to.equal('server, client')
    expect(
      extendsText({ server: undefined, client: undefined, commands: [...declared.commands, ...declared.commands] }),
    ).to.equal('2 commands')
    expect(extendsText({ server: undefined, client: undefined, commands: [] })).to.equal('nothing')
  })
})
