import { mock } from 'node:test'
import { expect } from 'chai'
import { LegKeeper, type LegDial } from '../../../src/core/client/leg-keeper.ts'
import { MsgError } from '../../../src/core/errors.ts'
import type { RelayLeg } from '../../../src/core/io/relay-leg.ts'
import type { LinkEndpoint } from '../../../src/core/transport/endpoint-api.ts'

/** Lets promises settle. */
const turn = (): Promise<void> => new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)))

describe('client/leg-keeper', () => {
  /** What the endpoint was given, in order: a leg's number, or undefined. */
  let used: Array<number | undefined>
  let got: Uint8Array[]
  /** Dials under way or done: how each ends, and what it would tell. */
  let dials: Array<{ on: Parameters<LegDial>[0]; isClosed: boolean; end: (how: RelayLeg | undefined | Error) => void }>
  let keeper: LegKeeper

  const dial: LegDial = (on) =>
    new Promise((resolve, reject) => {
      dials.push({ on, isClosed: false, end: (how) => (how instanceof Error ? reject(how) : resolve(how)) })
    })
  /** The last dial succeeds. */
  const succeed = async (): Promise<void> => {
    const number = dials.length - 1
    const leg: RelayLeg & { number: number } = {
      number,
      send: () => {},
      close: () => {
        dials[number]!.isClosed = true
      },
    }
    dials[number]!.end(leg)
    await turn()
  }
  const current = (): number | undefined => used.at(-1)

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] })
    used = []
    got = []
    dials = []
    const endpoint: Partial<LinkEndpoint> = {
      useLeg: (leg) => void used.push((leg as { number?: number } | undefined)?.number),
      handleLegDatagram: (datagram) => void got.push(datagram),
    }
    keeper = new LegKeeper(endpoint as LinkEndpoint, () => 1)
  })
  afterEach(() => {
    keeper.close()
    mock.timers.reset()
  })

  it('opens a leg when there is no other way, and closes it when there is one', async () => {
    keeper.renew(dial)
    expect(dials).to.have.lengthOf(0)
    keeper.isWanted = true
    keeper.isWanted = true
    expect(dials).to.have.lengthOf(1)
    await succeed()
    expect(current()).to.equal(0)
    dials[0]!.on.onDatagram(Buffer.of(1))
    expect(got).to.have.lengthOf(1)
    keeper.isWanted = false
    expect([current(), dials[0]!.isClosed]).to.deep.equal([undefined, true])
    dials[0]!.on.onDatagram(Buffer.of(1))
    expect(got).to.have.lengthOf(1)
  })

  it('dials anew after each sign-in, with the token of that one', async () => {
    keeper.renew(dial)
    keeper.isWanted = true
    await succeed()
    keeper.renew(dial)
    expect(dials[0]!.isClosed).to.equal(true)
    await succeed()
    expect(current()).to.equal(1)
    dials[0]!.on.onClosed()
    mock.timers.tick(60_000)
    expect(dials).to.have.lengthOf(2)
  })

  it('dials again after longer and longer waits when it breaks or cannot be reached', async () => {
    keeper.renew(dial)
    keeper.isWanted = true
    await succeed()
    dials[0]!.on.onClosed()
    expect(current()).to.equal(undefined)
    mock.timers.tick(999)
    expect(dials).to.have.lengthOf(1)
    mock.timers.tick(1)
    expect(dials).to.have.lengthOf(2)
    dials[1]!.end(new MsgError('MSG_ERR_SERVER_UNREACHABLE', { detail: 'x' }))
    await turn()
    mock.timers.tick(1_999)
    expect(dials).to.have.lengthOf(2)
    mock.timers.tick(1)
    expect(dials).to.have.lengthOf(3)
  })

  it('does not insist where the server knows no legs, or is another one', async () => {
    keeper.renew(dial)
    for (const how of [undefined, new MsgError('MSG_ERR_FINGERPRINT_CHANGED', { detail: 'x' })]) {
      keeper.isWanted = true
      const before = dials.length
      dials.at(-1)!.end(how)
      await turn()
      mock.timers.tick(60_000)
      expect(dials).to.have.lengthOf(before)
      keeper.isWanted = false
    }
    expect(used.every((leg) => leg === undefined)).to.equal(true)
  })

  it('uses no leg that came too late', async () => {
    keeper.renew(dial)
    keeper.isWanted = true
    expect(dials[0]!.on.signal?.aborted).to.equal(false)
    keeper.close()
    expect(dials[0]!.on.signal?.aborted).to.equal(true)
    await succeed()
    expect([current(), dials[0]!.isClosed]).to.deep.equal([undefined, true])
  })

  it('opens none once it is closed, whatever is observed meanwhile', () => {
    keeper.renew(dial)
    keeper.close()
    keeper.isWanted = true
    keeper.renew(dial)
    expect(dials).to.deep.equal([])
  })
})
