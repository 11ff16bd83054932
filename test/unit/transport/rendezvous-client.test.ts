import { expect } from 'chai'
import type { Instant } from '../../../src/core/time/instant.ts'
import { RendezvousClient } from '../../../src/core/transport/rendezvous-client.ts'
import { decodeRequest, encodeResponse } from '../../../src/core/wire/rendezvous.ts'
import { ms, s } from '../../helpers/time.ts'

const server = { host: '192.0.2.1', port: 7_788 }
const token = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
const seen = { host: '198.51.100.7', port: 50_000 }
const answer = (address = seen): Uint8Array => encodeResponse(token, address)
const client = (): RendezvousClient => new RendezvousClient(0, server, token)

/** Lets the client's timer fire `count` times without an answer. @returns when it fired, and when it gave up. */
function unanswered(rendezvous: RendezvousClient, count: number): { fired: Instant[]; gaveUp: number[] } {
  const fired: Instant[] = []
  const gaveUp: number[] = []
  for (let i = 0; i < count; i++) {
    const at = rendezvous.pollTimeout()
    fired.push(at)
    if (rendezvous.handleTimeout(at)) gaveUp.push(i)
    rendezvous.pollTransmit()
  }
  return { fired, gaveUp }
}

describe('transport/rendezvous-client', () => {
  it('asks the server at once, once', () => {
    const rendezvous = client()
    expect(rendezvous.pollTransmit()).to.equal(undefined)
    expect(rendezvous.pollTimeout()).to.equal(0)
    rendezvous.handleTimeout(0)
    const transmit = rendezvous.pollTransmit()!
    expect(transmit.to).to.deep.equal(server)
    expect(decodeRequest(transmit.payload)).to.deep.equal(token)
    expect(rendezvous.pollTransmit()).to.equal(undefined)
  })

  it('does nothing when its timer is called early', () => {
    const rendezvous = client()
    rendezvous.handleTimeout(0)
    rendezvous.pollTransmit()
    expect(rendezvous.handleTimeout(ms(249))).to.equal(false)
    expect(rendezvous.pollTransmit()).to.equal(undefined)
  })

  it('asks again after waits that double, up to the refresh interval', () => {
    const { fired } = unanswered(client(), 12)
    const waits = fired.slice(1).map((at, i) => at - fired[i]!)
    expect(waits.slice(0, 7)).to.deep.equal([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000].map(ms))
    expect(waits.slice(7)).to.deep.equal([25_000, 25_000, 25_000, 25_000].map(ms))
  })

  it('gives the server up once, after about four seconds, and goes on asking', () => {
    const { fired, gaveUp } = unanswered(client(), 2_000)
    expect(gaveUp).to.deep.equal([4])
    expect(fired[4]).to.equal(ms(3_750))
    expect(fired.every(Number.isSafeInteger)).to.equal(true)
  })

  it('tells what the server saw when it changes and not when it is the same', () => {
    const rendezvous = client()
    expect(rendezvous.observed).to.equal(undefined)
    expect(rendezvous.handleResponse(0, answer())).to.equal(true)
    expect(rendezvous.observed).to.deep.equal(seen)
    expect(rendezvous.handleResponse(0, answer())).to.equal(false)
    expect(rendezvous.handleResponse(0, answer({ ...seen, port: 50_001 }))).to.equal(true)
    expect(rendezvous.handleResponse(0, answer({ ...seen, host: '198.51.100.8' }))).to.equal(true)
  })

  it('refreshes every 25 seconds while it is answered', () => {
    const rendezvous = client()
    rendezvous.handleTimeout(0)
    rendezvous.handleResponse(ms(30), answer())
    expect(rendezvous.pollTimeout()).to.equal(ms(30) + s(25))
    rendezvous.handleTimeout(ms(30) + s(25))
    expect(rendezvous.pollTransmit()).to.not.equal(undefined)
    expect(rendezvous.pollTimeout()).to.equal(ms(280) + s(25))
  })

  it('forgets the address when the server falls silent, and tells it again when it is back', () => {
    const rendezvous = client()
    rendezvous.handleTimeout(0)
    rendezvous.handleResponse(0, answer())
    expect(unanswered(rendezvous, 5).gaveUp).to.deep.equal([4])
    expect(rendezvous.observed).to.equal(undefined)
    expect(rendezvous.handleResponse(s(60), answer())).to.equal(true)
    expect(unanswered(rendezvous, 5).gaveUp).to.deep.equal([4])
  })

  it('believes nobody who does not know the token', () => {
    const rendezvous = client()
    expect(rendezvous.handleResponse(0, encodeResponse(new Uint8Array(16), seen))).to.equal(false)
    expect(rendezvous.handleResponse(0, answer().subarray(1))).to.equal(false)
    expect(rendezvous.handleResponse(0, new Uint8Array(0))).to.equal(false)
    expect(rendezvous.observed).to.equal(undefined)
  })
})
