import { expect } from 'chai'
import { Openers } from '../../../src/core/transport/openers.ts'
import { ms } from '../../helpers/time.ts'

const AT = { host: '198.51.100.2', port: 4_000 }

describe('transport/openers', () => {
  it('pass one router at once, and what else may stand on this side a little later; never all the way', () => {
    const openers = new Openers()
    openers.open(ms(5), [AT])
    expect(openers.take(ms(4))).to.deep.equal([])
    const sent = [...openers.take(ms(5)), ...openers.take(ms(104)), ...openers.take(ms(105))]
    expect(sent.map(({ to, ttl }) => [to, ttl])).to.deep.equal([
      [AT, 2],
      [AT, 4],
    ])
    expect(sent.every(({ payload }) => payload.byteLength === 1)).to.equal(true)
    expect(openers.at).to.equal(Infinity)
  })

  it('go to many ports a few at a time, and no further than one router', () => {
    const openers = new Openers()
    openers.openMany(
      0,
      AT.host,
      Array.from({ length: 1_024 }, (_, i) => i + 1_024),
    )
    expect(openers.take(0)).to.have.lengthOf(64)
    const rest = openers.take(ms(75))
    expect(rest).to.have.lengthOf(960)
    expect(new Set(rest.map(({ ttl }) => ttl))).to.deep.equal(new Set([2]))
  })

  it('go to no IPv6 address, which has no NAT before it, and to no channel of a relay', () => {
    const openers = new Openers()
    openers.open(0, [
      { host: '2001:db8::1', port: 1 },
      { ...AT, channel: '0011223344556677' },
    ])
    expect(openers.take(ms(500)).map(({ to }) => to)).to.deep.equal([AT, AT])
    expect(openers.at).to.equal(Infinity)
  })
})
