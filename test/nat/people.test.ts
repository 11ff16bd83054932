import { expect } from 'chai'
import { LabPeople, type Meeting } from '../helpers/lab-people.ts'
import type { Homes } from '../helpers/nat-lab.ts'
import type { RouterKind } from '../helpers/nat-router.ts'
import { useLab } from '../helpers/use-lab.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('people behind routers', () => {
  const { create, keep } = useLab()
  const directory = useTempDir()

  const meeting = async (homes: Homes): Promise<Meeting> => {
    const people = keep(new LabPeople(create(homes), directory()))
    await people.startServer()
    const [alice, bob] = [await people.signUp('alice'), await people.signUp('bob')]
    const met = await people.meet(alice, bob, PATIENCE_MS)
    if (process.env['SIM_REPORT'] !== undefined)
      console.log(`      ${met.path}: link after ${met.linkMs} ms, message after ${met.messageMs} ms`)
    return met
  }

  const kinds: readonly RouterKind[] = ['open', 'port-restricted', 'symmetric', 'udp-blocked']
  for (const kind of kinds)
    it(`on one network reach each other inside, behind a router that is ${kind}`, async () => {
      const { path, messageMs } = await meeting({ alice: kind, bob: { beside: 'alice' } })
      expect(path).to.equal('lan')
      expect(messageMs, 'the first message').to.not.equal(undefined)
    })

  it('reach each other where nothing is in the way', async () => {
    const { path, messageMs } = await meeting({ alice: 'open', bob: 'open' })
    expect(path).to.equal('direct')
    expect(messageMs, 'the first message').to.not.equal(undefined)
  })
})

/** Long enough for a machine that is busy: how fast a link is there is not a test's business. */
const PATIENCE_MS = 10_000
