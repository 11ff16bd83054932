import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { clientHalves, serverHalves } from '../../../src/cli/plugins.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('installed plugins', () => {
  const directory = useTempDir()
  const half = (id: string): string =>
    `export default { protocol: { id: '${id}', version: 1, messages: {} }, setup() {} }`

  /** A package with modules by their paths. */
  const pack = (name: string, msg: unknown, modules: Readonly<Record<string, string>> = {}) => {
    const root = join(directory(), name)
    mkdirSync(root, { recursive: true })
    writeFileSync(join(root, 'package.json'), '{"type":"module"}')
    for (const [path, text] of Object.entries(modules)) writeFileSync(join(root, path), text)
    return { name, root, pjson: msg === undefined ? { name } : { name, version: '1.2.3', msg } }
  }
  const load = async (...packages: ReturnType<typeof pack>[]) => {
    const warnings: string[] = []
    const halves = await clientHalves(
      packages,
      () => undefined,
      (message) => warnings.push(message),
    )
    return { ids: halves.map(({ plugin }) => plugin.protocol.id), warnings }
  }

  it('are found by the msg key of their packages, each side on its own', async () => {
    const modules = { 'client.js': half('both'), 'server.js': half('both') }
    const both = pack('both', { api: 1, client: './client.js', server: './server.js' }, modules)
    const one = pack('one', { api: 1, client: 'client.js' }, { 'client.js': half('one') })
    const none = pack('none', undefined)
    expect(await load(none, both, one)).to.deep.equal({ ids: ['both', 'one'], warnings: [] })
    const halves = await serverHalves(
      [none, both, one],
      (id) => ({ for: id }),
      () => {},
    )
    expect(halves.map(({ plugin, options }) => [plugin.protocol.id, options])).to.deep.equal([
      ['both', { for: 'both' }],
    ])
    expect(
      await serverHalves(
        [both],
        () => false,
        () => {},
      ),
    ).to.deep.equal([])
  })

  it('come with the name and version of their package', async () => {
    const one = pack('one', { api: 1, client: 'client.js' }, { 'client.js': half('x') })
    const [loaded] = await clientHalves(
      [one],
      () => undefined,
      () => {},
    )
    expect(loaded!.package).to.deep.equal({ name: 'one', version: '1.2.3' })
  })

  it('are left out when another one has the same id already, which is said with what to do', async () => {
    const [one, two] = ['one', 'two'].map((name) =>
      pack(name, { api: 1, client: 'client.js' }, { 'client.js': half('x') }),
    )
    const { ids, warnings } = await load(one!, two!)
    expect(ids).to.deep.equal(['x'])
    expect(warnings[0]).to.contain('two (the plugin x is there already, from one)')
    expect(warnings[0]).to.contain('msg plugins uninstall two')
  })

  const BROKEN: ReadonlyArray<readonly [string, unknown, Readonly<Record<string, string>>, string]> = [
    ['of another api', { api: 2, client: './client.js' }, {}, 'made for api 2'],
    ['without an api', { client: './client.js' }, {}, 'made for api undefined'],
    ['whose half lies elsewhere', { api: 1, client: '../client.js' }, {}, 'no path in the package'],
    ['whose half is no path', { api: 1, client: 7 }, {}, 'no path in the package'],
    ['whose half is not there', { api: 1, client: './client.js' }, {}, 'Cannot find module'],
    ['that throws', { api: 1, client: './client.js' }, { 'client.js': 'throw new Error("boom")' }, 'boom'],
    ['that exports something else', { api: 1, client: './client.js' }, { 'client.js': 'export default {}' }, 'no half'],
  ]
  for (const [what, msg, modules, why] of BROKEN)
    it(`is left out, by name, when it is one ${what}; the others go on`, async () => {
      const good = pack('good', { api: 1, client: './client.js' }, { 'client.js': half('good') })
      const { ids, warnings } = await load(pack('bad', msg, modules), good)
      expect(ids).to.deep.equal(['good'])
      expect(warnings).to.have.length(1)
      expect(warnings[0]).to.contain('bad').and.to.contain(why)
    })
})
