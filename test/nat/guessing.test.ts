import { expect } from 'chai'
import { LabPeople } from '../helpers/lab-people.ts'
import { useLab } from '../helpers/use-lab.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('people of whom one has a symmetric router and the other a port-restricted one', function () {
  const { create, keep } = useLab()
  const directory = useTempDir()
  this.timeout(180_000)

  it('are linked directly with --guess-ports', async () => {
    const people = keep(new LabPeople(create({ alice: 'port-restricted', bob: 'symmetric' }), directory()))
    await people.startServer('v4')
    for (const name of ['alice', 'bob']) await people.signUp(name, 'v4', '--guess-ports')
    const met = await people.introduce({ asker: 'alice', answerer: 'bob' }, 'direct', PATIENCE_MS)
    if (process.env['SIM_REPORT'] !== undefined)
      console.log(`      ${met.path} after ${met.linkMs} ms, direct after ${met.settledMs} ms`)
    expect(met.path).to.equal('relayed')
    expect(met.settledMs, JSON.stringify(met.peers)).to.not.equal(undefined)
  })
})

/** A guess fits in 98 of 100 cases, within some three seconds, and comes again after a minute. */
const PATIENCE_MS = 150_000
