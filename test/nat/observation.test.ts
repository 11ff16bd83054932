import { expect } from 'chai'
import { LabPeople } from '../helpers/lab-people.ts'
import type { RouterKind } from '../helpers/nat-router.ts'
import { useLab } from '../helpers/use-lab.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('what the server and its two ports tell a client of its router', () => {
  const { create, keep } = useLab()
  const directory = useTempDir()

  const expected: ReadonlyArray<readonly [RouterKind, string]> = [
    ['open', 'none'],
    ['port-restricted', 'endpoint-independent'],
    ['symmetric', 'dependent'],
    ['udp-blocked', 'blocked'],
  ]
  for (const [kind, mapping] of expected)
    it(`is ${mapping} behind a router that is ${kind}`, async () => {
      const lab = create({ alice: kind })
      const people = keep(new LabPeople(lab, directory()))
      await people.startServer()
      const network = await people.network(await people.signUp('alice'))
      expect(network.mapping).to.equal(mapping)
      const host = network.address?.replace(/:\d+$/, '')
      expect(host).to.equal(mapping === 'blocked' ? undefined : lab.publicAddress('alice'))
    })

  it('is none over IPv6, which nobody translates', async () => {
    const lab = create({ alice: 'symmetric' })
    const people = keep(new LabPeople(lab, directory()))
    await people.startServer()
    const { mapping, address } = await people.network(await people.signUp('alice', 'v6'))
    expect(mapping).to.equal('none')
    expect(address).to.match(new RegExp(`^\\[${lab.host('alice').address6}\\]:\\d+$`))
  })
})
