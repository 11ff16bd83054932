import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { READ_FILES } from '../../../../src/cli/plugin-packages/declared.ts'
import { readTarball, type TarballContent } from '../../../../src/cli/plugin-packages/tarball.ts'
import type { MsgError } from '../../../../src/core/errors.ts'
import { paxRecord, tarball, type TarEntry } from '../../../helpers/tar.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('reading the tarball of a package', () => {
  const directory = useTempDir()
  const read = async (bytes: Buffer): Promise<TarballContent> => {
    const path = join(directory(), 'x.tgz')
    writeFileSync(path, bytes)
    return await readTarball(path, READ_FILES)
  }
  const complaint = async (bytes: Buffer): Promise<string> => {
    try {
      await read(bytes)
    } catch (error) {
      expect((error as MsgError).code).to.equal('MSG_ERR_PLUGIN_PACKAGE')
      return (error as MsgError).detail
    }
    return 'no complaint'
  }
  const pjson: TarEntry = { name: 'package/package.json', content: '{"name":"a"}' }

  it('tells the files, and the text of those that are wanted', async () => {
    const { files, texts, unpackedBytes } = await read(
      tarball([
        { name: 'package/', type: '5' },
        pjson,
        { name: 'package/dist/server.js', content: 'x'.repeat(700) },
        { name: 'anything/dist/client.js', content: '' },
      ]),
    )
    expect([...files]).to.deep.equal([
      ['package.json', 12],
      ['dist/server.js', 700],
      ['dist/client.js', 0],
    ])
    expect([...texts]).to.deep.equal([['package.json', '{"name":"a"}']])
    expect(unpackedBytes).to.equal(712)
  })

  it('understands long names as npm writes them, and those of GNU tar', async () => {
    const long = `package/${'deep/'.repeat(40)}a.js`
    const { files } = await read(
      tarball([
        { name: 'PaxHeader', type: 'x', content: paxRecord('path', long) },
        { name: 'package/cut', content: '12' },
        { name: '././@LongLink', type: 'L', content: `${long}.map\0` },
        { name: 'package/cut', content: '3' },
        { name: 'package/next.js', content: '' },
      ]),
    )
    const inside = long.slice('package/'.length)
    expect([...files.keys()]).to.deep.equal([inside, `${inside}.map`, 'next.js'])
  })

  it('leaves out links and what lies in no folder, as npm does', async () => {
    const link: TarEntry = { name: 'package/link.js', type: '2', linkname: '/etc/passwd' }
    const { files } = await read(tarball([pjson, link, { name: 'package.json', content: '{"name":"b"}' }]))
    expect([...files.keys()]).to.deep.equal(['package.json'])
  })

  const outside = [
    'package/../../x',
    '../x',
    '/etc/passwd',
    'package//x',
    './package/x',
    'package/./x',
    'package\\x',
    'c:/x',
  ]
  for (const name of outside)
    it(`refuses ${name}`, async () => {
      expect(await complaint(tarball([pjson, { name }]))).to.contain('outside of its folder')
      const header: TarEntry = { name: 'h', type: 'x', content: paxRecord('path', name) }
      expect(await complaint(tarball([pjson, header, { name: 'package/harmless' }]))).to.contain(
        'outside of its folder',
      )
    })

  it('refuses a file that is there twice, since npm would take the last one', async () => {
    const other: TarEntry = { name: 'other/package.json', content: '{"name":"b"}' }
    expect(await complaint(tarball([pjson, other]))).to.contain('twice')
  })

  it('refuses headers that set the names of all files', async () => {
    const header: TarEntry = { name: 'g', type: 'g', content: paxRecord('path', 'package/x') }
    expect(await complaint(tarball([header, pjson]))).to.contain('for all files at once')
  })

  it('accepts other headers for all files, which git writes', async () => {
    const header: TarEntry = { name: 'g', type: 'g', content: paxRecord('comment', 'abc') }
    expect((await read(tarball([header, pjson]))).files.size).to.equal(1)
  })

  it('refuses what is too large before it is in memory', async () => {
    const huge = READ_FILES['package.json'] + 1
    expect(await complaint(tarball([{ ...pjson, size: huge }]))).to.contain(`has ${huge} bytes`)
    expect(await complaint(tarball([pjson, { name: 'package/a', size: 0o77777777777 }]))).to.contain('unpacks to more')
    const size: TarEntry = { name: 'x', type: 'x', content: paxRecord('size', '999999999999') }
    expect(await complaint(tarball([size, pjson]))).to.contain('unpacks to more')
    const header: TarEntry = { name: 'x', type: 'x', size: 1_000_000 }
    expect(await complaint(tarball([header, pjson]))).to.contain('too large')
  })

  it('refuses too many files', async () => {
    const many = Array.from({ length: 20_001 }, (_, i) => ({ name: `package/${i}` }))
    expect(await complaint(tarball(many))).to.contain('more than 20000 files')
  })

  it('refuses what is no tarball, is damaged or ends early', async () => {
    expect(await complaint(Buffer.from('hello'))).to.contain('no tarball')
    expect(await complaint(Buffer.alloc(0))).to.contain('no tarball')
    expect(await complaint(Buffer.alloc(2048, 'x'))).to.contain('no tarball')
    expect(await complaint(tarball([]))).to.contain('no tarball')
    const whole = tarball([pjson])
    expect(await complaint(whole.subarray(0, whole.byteLength - 20))).to.contain('no tarball')
    expect(await complaint(tarball([{ ...pjson, size: 100_000 }]))).to.contain('in the middle')
  })
})
