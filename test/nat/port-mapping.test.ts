import { expect } from 'chai'
import { JsonProcess } from '../helpers/json-client.ts'
import { LabPeople } from '../helpers/lab-people.ts'
import { Lab } from '../helpers/nat-lab.ts'
import { scriptArgs } from '../helpers/script.ts'
import { useLab } from '../helpers/use-lab.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('a port that the router opens', () => {
  const { create, keep } = useLab()
  const directory = useTempDir()

  const gatewayOf = async (lab: Lab, name: string): Promise<JsonProcess> => {
    const router = lab.router(name)
    const script = scriptArgs('../fixtures/pmp-gateway', import.meta.url)
    const command = [process.execPath, ...script, router.address, lab.publicAddress(name)]
    const gateway = new JsonProcess(Lab.on(router, command), { PATH: process.env['PATH'] ?? '' })
    keep({ close: () => gateway.kill('SIGKILL') })
    await gateway.until({ type: 'ready' })
    return gateway
  }

  it('is asked of it with --map-port for an hour, over NAT-PMP, and given back at the end', async () => {
    const lab = create({ alice: 'symmetric' })
    const gateway = await gatewayOf(lab, 'alice')
    const people = keep(new LabPeople(lab, directory()))
    await people.startServer()
    const alice = await people.signUp('alice', 'v4', '--map-port')
    const asked = await gateway.until({ type: 'map', lifetime: 3_600 })
    expect(asked).to.include({ opcode: 1, external: 40_000, from: lab.host('alice').address })
    await alice.leave()
    expect(alice.lines.filter(({ type }) => type === 'warning')).to.deep.equal([])
    const back = await gateway.until({ type: 'map', lifetime: 0 })
    expect(back).to.include({ opcode: 1, own: asked['own'] })
  })

  it('is not asked for without it, and found by the doctor', async () => {
    const lab = create({ alice: 'symmetric' })
    const gateway = await gatewayOf(lab, 'alice')
    const people = keep(new LabPeople(lab, directory()))
    await people.startServer()
    await (await people.signUp('alice')).leave()
    expect(gateway.lines.map(({ type }) => type)).to.deep.equal(['ready'])
    const { report } = await people.doctor('alice')
    const found = (report['checks'] as Array<{ id: string }>).find(({ id }) => id === 'port-mapping')
    expect(found).to.deep.include({
      status: 'ok',
      advice: 'Start the client with --map-port.',
      facts: { by: 'nat-pmp', router: '192.168.1.1', external: lab.publicAddress('alice') },
    })
    expect(gateway.lines.filter(({ type }) => type === 'map')).to.deep.equal([])
  })

  it('is missed with one warning where no router opens any, and nothing else', async () => {
    const lab = create({ alice: 'port-restricted' })
    const people = keep(new LabPeople(lab, directory()))
    await people.startServer()
    const alice = await people.signUp('alice', 'v4', '--map-port')
    const { message } = await alice.until({ type: 'warning' })
    expect(message).to.match(/^your router opened no port \(.*\); links are made without$/)
    expect((await people.network(alice)).mapping).to.equal('endpoint-independent')
    await alice.leave()
    expect(alice.lines.filter(({ type }) => type === 'warning')).to.have.length(1)
    expect(await alice.status()).to.equal(0)
  })
})
