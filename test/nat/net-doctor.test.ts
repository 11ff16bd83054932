import { expect } from 'chai'
import type { NetReport } from '../../src/core/index.ts'
import { LabPeople } from '../helpers/lab-people.ts'
import type { RouterKind } from '../helpers/nat-router.ts'
import { useLab } from '../helpers/use-lab.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('what msg net doctor says', () => {
  const { create, keep } = useLab()
  const directory = useTempDir()

  const examined = async (kind: RouterKind): Promise<{ report: NetReport; status: number | null }> => {
    const people = keep(new LabPeople(create({ alice: kind }), directory()))
    await people.startServer()
    await (await people.signUp('alice')).leave()
    const { report, status } = await people.doctor('alice')
    if (process.env['SIM_REPORT'] !== undefined) console.log(`      ${kind}: ${String(report['seconds'])} s`)
    return { report: report as unknown as NetReport, status }
  }
  const statuses = ({ checks }: NetReport): Record<string, string> =>
    Object.fromEntries(checks.map(({ id, status }) => [id, status]))

  const expected: ReadonlyArray<readonly [RouterKind, number, Record<string, string>, RegExp]> = [
    [
      'open',
      0,
      { server: 'ok', clock: 'ok', udp: 'ok', 'probe-port': 'ok', mapping: 'ok' },
      /^Nothing stands in the way/,
    ],
    ['port-restricted', 0, { udp: 'ok', 'probe-port': 'ok', mapping: 'ok' }, /^Direct links work with most people/],
    ['symmetric', 0, { udp: 'ok', 'probe-port': 'ok', mapping: 'warn' }, /^Direct links work with some people only/],
    ['udp-blocked', 5, { server: 'ok', 'sign-in': 'ok', udp: 'fail' }, /^UDP is blocked/],
  ]
  for (const [kind, exit, wanted, summary] of expected)
    it(`is right behind a router that is ${kind}, within ten seconds`, async () => {
      const { report, status } = await examined(kind)
      expect(statuses(report)).to.include(wanted)
      expect(report.summary).to.match(summary)
      expect(status).to.equal(exit)
      expect(report.user).to.equal('alice')
      expect(report.seconds).to.be.below(10)
    })

  it('names the port that a firewall has to let through', async () => {
    const { report } = await examined('udp-blocked')
    const { advice, facts } = report.checks.find(({ id }) => id === 'udp')!
    expect(advice).to.contain(`Let UDP to 203.0.113.2 port ${String(facts['port'])} out`)
    expect(facts).to.include({ answered: 0 })
  })
})
