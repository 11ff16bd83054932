import { expect } from 'chai'
import { SendPlan } from '../../src/core/transfer/send-plan.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { seededRandom } from '../helpers/random.ts'
import { ms, s } from '../helpers/time.ts'
import { TransferLab, type LabSource } from '../helpers/transfer-lab.ts'

const MIB = 1_048_576

describe('sim: plans of transfers', () => {
  forSeeds(import.meta.url, 'a download ends with every block believed once, whatever its sources do', 300, (seed) => {
    const { int, chance, random } = dice(seed)
    const blockSize = 2 ** int(18, 22)
    const blocks = int(1, 400)
    const size = (blocks - 1) * blockSize + int(1, blockSize)
    const moment = (): number => Math.round(random() * s(20))
    const sources = Array.from({ length: int(1, 5) }, (_, i): LabSource => {
      const base = { id: `s${i}`, rate: rateOf(random), delay: ms(int(1, 150)) }
      // The first one is honest, but may be silent for a while.
      const silentAt = moment()
      const silent = chance(0.3) ? { silent: [silentAt, silentAt + s(int(1, 30))] as const } : {}
      if (i === 0) return { ...base, ...silent }
      const start = int(0, blocks - 1)
      return {
        ...base,
        ...silent,
        ...(chance(0.3) && { has: [{ start, end: int(start + 1, blocks) }] }),
        ...(chance(0.3) && { diesAt: moment() }),
        ...(chance(0.3) && { liesFrom: moment() }),
      }
    })
    const lab = new TransferLab({ blockSize, size, startAt: int(0, blocks - 1), checkpoints: [0.5] }, sources)
    // Somebody pauses in between, and goes on.
    if (chance(0.3)) {
      const at = moment()
      lab.at(at, () => lab.plan.pause())
      lab.at(at + s(int(1, 20)), () => lab.plan.continue(lab.now))
    }
    lab.run(s(1_000_000))
    const count = (type: string): number => lab.events.filter((event) => event.type === type).length
    expect(lab.faults).to.deep.equal([])
    expect(lab.plan.isDone, 'done').to.equal(true)
    expect(lab.believed.size).to.equal(blocks)
    expect(Math.max(...lab.believed.values())).to.equal(1)
    expect(lab.plan.progress(lab.now).bytes).to.equal(size)
    expect([count('done'), count('checkpoint'), count('starved')]).to.deep.equal([1, 1, 0])
    report(
      seed,
      `${sources.length} sources, ${blocks} blocks, ${lab.duplicates} twice, ${count('blocked')} blocked, ${count('stalled')} stalls`,
    )
  })

  forSeeds(import.meta.url, 'honest sources together are nearly as fast as the sum of their rates', 100, (seed) => {
    const { int, random } = dice(seed)
    const blockSize = MIB
    const sources = Array.from({ length: int(1, 5) }, (_, i): LabSource => ({ id: `s${i}`, rate: rateOf(random), delay: ms(int(1, 100)) })) // prettier-ignore
    const total = sources.reduce((sum, { rate }) => sum + rate, 0)
    // A minute's worth, within reason.
    const blocks = Math.min(4_000, Math.max(50, Math.round((total * 60) / blockSize)))
    const lab = new TransferLab({ blockSize, size: blocks * blockSize }, sources).run(s(100_000))
    const ideal = (blocks * blockSize * s(1)) / total
    const factor = lab.now / ideal
    report(
      seed,
      `${sources.length} sources, ${blocks} blocks: ${factor.toFixed(3)} of the ideal time, ${lab.duplicates} twice`,
    )
    expect(lab.plan.isDone).to.equal(true)
    expect(lab.faults).to.deep.equal([])
    expect(factor, 'of the ideal time').to.be.at.most(FACTOR)
    expect(lab.duplicates / blocks, 'came twice').to.be.at.most(0.1)
  })

  forSeeds(import.meta.url, 'receivers of one source have fair shares, and a limit is held', 100, (seed) => {
    const { int, chance } = dice(seed)
    const limit = int(1, 50) * MIB
    const plan = new SendPlan(0, limit)
    const count = int(2, 6)
    const sizes = Array.from({ length: count }, () => 2 ** int(18, 21))
    const sent = Array.from({ length: count }, () => 0)
    const asked = Array.from({ length: count }, () => 0)
    sizes.forEach((blockSize, i) => plan.addTransfer(0, `t${i}`, { blockSize, size: undefined }))
    /** Three at least are outstanding, as of a receiver that asks as blocks come. */
    const ask = (i: number): void => {
      const end = asked[i]! + int(1, 4)
      plan.handleWant(`r${i}`, `t${i}`, [{ start: asked[i]!, end }])
      asked[i] = end
    }
    for (let i = 0; i < count; i++) while (asked[i]! < 3) ask(i)
    let now = 0
    let isHeld = false
    const time = Math.ceil((count * 200 * 2 * MIB * s(1)) / limit)
    for (let turn = plan.pollNext(now); now < time; turn = plan.pollNext(now)) {
      expect(turn, 'somebody always wants something').to.not.equal(undefined)
      if ('at' in turn!) {
        expect(turn.at, 'later').to.be.above(now)
        // Late now and then, as timers are.
        now = turn.at + (chance(0.2) ? int(0, ms(20)) : 0)
        continue
      }
      const i = Number(turn!.receiver.slice(1))
      sent[i]! += sizes[i]!
      while (asked[i]! - sent[i]! / sizes[i]! < 3) ask(i)
      // A link that is full for a moment costs its receiver no turn that it can take.
      if (chance(0.05)) (isHeld = !isHeld) ? plan.hold('r0') : plan.release('r0')
    }
    const others = sent.slice(1)
    const all = sent.reduce((sum, x) => sum + x, 0)
    const spread = Math.max(...others) - Math.min(...others)
    report(
      seed,
      `${count} receivers, ${(all / ((limit * now) / s(1))).toFixed(3)} of the limit, shares ${(Math.min(...others) / Math.max(...others)).toFixed(3)}`,
    )
    expect(all).to.be.within(0.9 * ((limit * now) / s(1)), (limit * now) / s(1) + 3 * Math.max(...sizes) + 0.1 * limit)
    expect(spread, 'bytes').to.be.at.most(3 * Math.max(...sizes))
  })
})

/** Time over size divided by the sum of the rates: what starting, measuring and the last blocks cost. */
const FACTOR = 1.1

/** 100 KiB/s to 100 MiB/s, as many of each magnitude. */
const rateOf = (random: () => number): number => Math.round(102_400 * 1_024 ** random())

function dice(seed: number) {
  const random = seededRandom(seed)
  return {
    random,
    int: (low: number, high: number): number => low + Math.floor(random() * (high - low + 1)),
    chance: (share: number): boolean => random() < share,
  }
}

function report(seed: number, text: string): void {
  if (process.env['SIM_REPORT']) console.log(`    seed ${seed}: ${text}`)
}
