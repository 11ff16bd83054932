import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { connect, sha256, SocketEnd } from '../../helpers/socket-pair.ts'
import { Tap } from '../../helpers/tap.ts'

describe('a live endpoint, and somebody who kept every datagram of its session', () => {
  let a: SocketEnd
  let b: SocketEnd
  let tap: Tap
  const file = randomBytes(400_000)
  beforeEach(async () => {
    a = await SocketEnd.bind(1_452)
    b = await SocketEnd.bind(1_452)
    tap = await Tap.open(b.endpoint.address)
    await connect(a, b, tap.address)
  })
  afterEach(async () => {
    await Promise.all([a.endpoint.close(), b.endpoint.close()])
    tap.close()
  })

  /** A session with something said both ways; afterwards it is quiet. @returns the state that a replay must not change. */
  async function session(): Promise<() => unknown> {
    expect(await b.hashOf(a.send(file))).to.equal(sha256(file))
    expect(await a.hashOf(b.send(file))).to.equal(sha256(file))
    // A flow that stops is asked about once after a second; then there is silence for ten.
    await sleep(1_300)
    return () =>
      [a, b].map(({ link, streams, opened, closed, moves }) => {
        const { packetsReceived, remote, keyPhase, packetsSent } = link.stats()
        const received = [...streams].map(([id, { bytes, hash }]) => [id, bytes, hash.copy().digest('hex')])
        return {
          packetsReceived,
          packetsSent,
          remote,
          keyPhase,
          received,
          opened: opened.length,
          closed: closed.length,
          moves,
        }
      })
  }

  for (const from of ['there', 'elsewhere'] as const) {
    it(`takes none of them again, sent from ${from}: nothing twice, no state changed, no answer to data`, async () => {
      const state = await session()
      const before = state()
      expect(await tap.replay(from)).to.be.above(500)
      await sleep(100)
      expect(state()).to.deep.equal(before)
      // A replayed initial may be answered with less than it was; nothing else is.
      expect(tap.answered).to.be.at.most(2 * 1_200)
      expect(await b.hashOf(a.send(Buffer.from('and on')))).to.equal(sha256(Buffer.from('and on')))
    })
  }
})
