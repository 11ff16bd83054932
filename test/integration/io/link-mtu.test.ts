import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { canMakeNamespaces } from '../../helpers/lan.ts'
import { LinkProcess, type LinkReport } from '../../helpers/link-process.ts'
import { Routed } from '../../helpers/routed.ts'

describe('a link whose path becomes narrower under way, between machines with a router', () => {
  let path: Routed
  const processes: LinkProcess[] = []

  before(function () {
    if (canMakeNamespaces()) return
    if (process.env['CI']) throw new Error('network namespaces are required here')
    console.log('      skipped: making network namespaces is not permitted')
    this.skip()
  })
  beforeEach(() => {
    path = new Routed(20)
  })
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.stop()))
    path.close()
  })

  async function start(i: 0 | 1): Promise<LinkProcess> {
    const { address, namespace } = path.hosts[i]
    const started = await LinkProcess.start(i + 1, address, namespace, 65_527)
    processes.push(started)
    return started
  }

  /** Mean size of what was sent between two reports, bytes. */
  const meanSize = (from: LinkReport, to: LinkReport): number =>
    (to.stats!.bytesSent - from.stats!.bytesSent) / (to.stats!.packetsSent - from.stats!.packetsSent)

  /** The mean size of half a second, once it is as wanted, or that of the last of 60. */
  const sizeOnce = async (sender: LinkProcess, isWanted: (size: number) => boolean): Promise<number> => {
    for (let i = 0; ; i++) {
      const from = await sender.report()
      await sleep(500)
      const to = await sender.report()
      // The first of them may be half one size and half another.
      if (isWanted(meanSize(from, to)) || i === 60) {
        await sleep(500)
        return meanSize(to, await sender.report())
      }
    }
  }

  it('is repaired when 1,500 becomes 1,280 and ICMP is dropped, and grows again when it may', async () => {
    const [sender, receiver] = [await start(0), await start(1)]
    await receiver.ask({ do: 'expect', peer: 1 })
    await sender.ask({ do: 'connect', peer: 2, address: receiver.address })
    await sender.ask({ do: 'pump', on: true })
    await sleep(1_000)
    const before = await sender.report()
    await sleep(500)
    const wide = await sender.report()
    expect(meanSize(before, wide), 'size on the wide path').to.be.within(1_400, 1_452)
    await receiver.report()

    path.setMtu(1_280)
    expect(await sizeOnce(sender, (size) => size < 1_400), 'size on the narrow path').to.be.within(1_100, 1_200)
    const { silenceMs } = await receiver.report()
    expect(path.silenced, 'ICMP that nobody got').to.be.above(0)

    path.setMtu(1_500)
    // The next rung is tried again five seconds after it was left, or ten when that was too soon.
    expect(await sizeOnce(sender, (size) => size > 1_400), 'size when it is wide again').to.be.within(1_400, 1_452)
    const { received, closed } = await receiver.report()
    expect(closed).to.equal('')
    expect(received).to.be.above(1_000_000)
    if (process.env['SIM_REPORT'] !== undefined) console.log(`      silent for ${Math.round(silenceMs)} ms`)
  })
})
