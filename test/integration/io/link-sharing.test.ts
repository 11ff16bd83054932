import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { millis } from '../../../src/core/time/instant.ts'
import { LinkProcess } from '../../helpers/link-process.ts'
import { SocketPairs, type SocketEnd } from '../../helpers/socket-pair.ts'

const CHUNK = randomBytes(65_536)
const MIB = 1_048_576

describe('a link between real sockets that has more to do than it can', () => {
  let pairs: SocketPairs | undefined
  const processes: LinkProcess[] = []
  afterEach(async () => {
    await pairs?.stop()
    pairs = undefined
    await Promise.all(processes.splice(0).map((each) => each.stop()))
  })

  async function open(): Promise<{ a: SocketEnd; b: SocketEnd }> {
    pairs = await (await SocketPairs.start({ delay: millis(10), rate: 20 / 8, queue: 60_000 })).open()
    return pairs.pairs[0]!
  }

  /** A stream that never has enough. @returns its id, and how much of it was taken so far. */
  function flood(from: SocketEnd, priority: number): { stream: number; taken: () => number } {
    let written = 0
    const stream = from.pump(
      () => CHUNK,
      priority,
      (taken) => {
        written += taken
        return false
      },
    )
    return { stream, taken: () => written }
  }

  it('brings what was said long before the megabytes of files that were queued earlier', async () => {
    const { a, b } = await open()
    const files = [1, 2, 3].map(() => flood(a, 2))
    const arrived = (): number => files.reduce((sum, { stream }) => sum + b.bytesOn(stream), 0)
    const queued = (): number => files.reduce((sum, { taken }) => sum + taken(), 0) - arrived()
    await b.until(() => arrived() > MIB)
    const chat = a.link.openStream(0)
    for (let i = 1; i <= 10; i++) {
      const before = arrived()
      expect(queued(), 'bytes of files that were written before').to.be.above(2 * MIB)
      a.link.write(chat, Buffer.from('a word'))
      await b.until(() => b.bytesOn(chat) === i * 6)
      // What is in flight already cannot be overtaken: a round trip of the path and its queue, 110 kB.
      expect(arrived() - before, `bytes of files that came before word ${i}`).to.be.below(150_000)
    }
    await b.until(() => arrived() > 4 * MIB)
  })

  it('gives two streams of one priority the same share, also the one that comes later', async () => {
    const { a, b } = await open()
    const first = flood(a, 1)
    await b.until(() => b.bytesOn(first.stream) > MIB)
    const second = flood(a, 1)
    await b.until(() => b.bytesOn(second.stream) > 0)
    const from = b.bytesOn(first.stream)
    await b.until(() => b.bytesOn(second.stream) > 3 * MIB)
    expect((b.bytesOn(first.stream) - from) / b.bytesOn(second.stream)).to.be.within(0.85, 1.15)
  })

  it('holds a bounded amount for a receiver that stands still, and goes on when it does', async () => {
    const [sender, receiver] = await Promise.all([1, 2].map((seed) => LinkProcess.start(seed, '127.0.0.1')))
    processes.push(sender!, receiver!)
    await receiver!.ask({ do: 'expect', peer: 1 })
    await sender!.ask({ do: 'connect', peer: 2, address: receiver!.address })
    await sender!.ask({ do: 'pump', on: true })
    await sleep(300)
    receiver!.signal('SIGSTOP')
    await sleep(500)
    const early = await sender!.report()
    await sleep(2_500)
    const late = await sender!.report()
    // Nothing more was taken once the buffer was full: what is taken and not acknowledged is all that is held.
    expect(late.pumped - early.pumped, 'taken meanwhile').to.be.at.most(2 * MIB)
    expect(late.memory - early.memory, 'grown meanwhile').to.be.at.most(16 * MIB)
    expect(late.stats!.bytesInFlight).to.be.at.most(32 * MIB)
    receiver!.signal('SIGCONT')
    await sender!.ask({ do: 'pump', on: false })
    const { pumped } = await sender!.report()
    let there = await receiver!.report()
    for (let i = 0; there.received < pumped && i < 500; i++) {
      await sleep(20)
      there = await receiver!.report()
    }
    expect(there.received).to.equal(pumped)
    expect([there.closed, (await sender!.report()).closed]).to.deep.equal(['', ''])
  })
})
