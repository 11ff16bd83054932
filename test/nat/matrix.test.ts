import { expect } from 'chai'
import type { JsonLine } from '../helpers/json-client.ts'
import { LabPeople, type Meeting } from '../helpers/lab-people.ts'
import type { Home, Homes } from '../helpers/nat-lab.ts'
import type { RouterKind } from '../helpers/nat-router.ts'
import { useLab } from '../helpers/use-lab.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const KINDS = ['open', 'port-restricted', 'symmetric', 'udp-blocked'] as const satisfies readonly RouterKind[]

/** One of the two keeps its port for everybody and lets in whom it has written to, the other one does as well; or nothing stands before one of them. */
function expected(a: RouterKind, b: RouterKind): 'direct' | 'relayed' {
  if (a === 'udp-blocked' || b === 'udp-blocked') return 'relayed'
  if (a === 'open' || b === 'open') return 'direct'
  return a === 'port-restricted' && b === 'port-restricted' ? 'direct' : 'relayed'
}

describe('people behind any two routers', function () {
  const { create, keep } = useLab()
  const directory = useTempDir()
  this.timeout(300_000)

  /** Two of each kind, signed up. */
  const settle = async (
    homeOf: (kind: RouterKind) => RouterKind | Home,
    kinds: readonly RouterKind[],
    over: 'both' | 'v4' = 'v4',
  ): Promise<LabPeople> => {
    const names = kinds.flatMap((kind) => [`${kind}-1`, `${kind}-2`])
    const homes: Homes = Object.fromEntries(names.map((name) => [name, homeOf(name.slice(0, -2) as RouterKind)]))
    const people = keep(new LabPeople(create(homes), directory()))
    await people.startServer(over)
    for (const name of names) await people.signUp(name)
    return people
  }

  const check = (met: Meeting, wanted: string, label: string): void => {
    if (process.env['SIM_REPORT'] !== undefined)
      console.log(
        `      ${label}: ${met.path} after ${met.linkMs} ms, first word after ${met.messageMs}, ${wanted} after ${met.settledMs}`,
      )
    expect(met.messageMs, `${label}: the first word`).to.not.equal(undefined)
    expect(met.settledMs, `${label}: ${wanted}; ${JSON.stringify(met.peers)}`).to.not.equal(undefined)
    const [peer] = met.peers['peers'] as JsonLine[]
    expect(peer?.['path'], label).to.equal(wanted)
    expect(peer?.['explanation'], label).to.be.a('string').with.length.above(0)
  }

  for (const [i, a] of KINDS.entries())
    for (const b of KINDS.slice(i))
      it(`${a} and ${b} are linked, ${expected(a, b)}, whoever asks`, async () => {
        const people = await settle((kind) => kind, a === b ? [a] : [a, b])
        const [one, other] = [`${a}-1`, a === b ? `${b}-2` : `${b}-1`]
        for (const [asker, answerer] of [
          [one, other],
          [other, one],
        ] as const) {
          const wanted = expected(a, b)
          check(await people.introduce({ asker, answerer }, wanted, PATIENCE_MS), wanted, `${asker} asks ${answerer}`)
        }
      })

  it('two with IPv6 are linked by it, whatever their routers do to IPv4', async () => {
    const people = await settle((router) => router, ['symmetric'], 'both')
    const pair = { asker: 'symmetric-1', answerer: 'symmetric-2' }
    const met = await people.introduce(pair, 'direct', PATIENCE_MS)
    check(met, 'direct', 'over IPv6')
    expect((met.peers['peers'] as JsonLine[])[0]?.['address']).to.match(/^\[2001:db8:b/)
  })

  it('port-restricted ones that take what nobody asked for are opened from inside first, and linked directly', async () => {
    const people = await settle((router) => ({ router, dropsNew: false }), ['port-restricted'])
    for (const [asker, answerer] of [
      ['port-restricted-1', 'port-restricted-2'],
      ['port-restricted-2', 'port-restricted-1'],
    ] as const)
      check(await people.introduce({ asker, answerer }, 'direct', PATIENCE_MS), 'direct', `${asker} asks ${answerer}`)
  })
})

/** Long enough for a machine that is busy: how fast a link is there is not a test's business. */
const PATIENCE_MS = 10_000
