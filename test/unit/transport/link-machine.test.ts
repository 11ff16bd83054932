import { expect } from 'chai'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { Dialing } from '../../../src/core/transport/connection/handshake.ts'
import { Connection } from '../../../src/core/transport/connection/machine.ts'
import { LinkMachine } from '../../../src/core/transport/link-machine.ts'
import { ADDRESS, connectionInit } from '../../helpers/connection-pair.ts'
import { expectCode } from '../../helpers/errors.ts'
import { ms, s } from '../../helpers/time.ts'

const key = deviceKey(new Uint8Array(32).fill(1)).noise
const instance = '11'.repeat(16)
const peer = { instance, key: key.publicKey }
const dialing = (): Dialing =>
  new Dialing(0, { key, instance }, peer, [ADDRESS.b], new Uint8Array(8), new Uint8Array(32).fill(3))
const dialed = (): LinkMachine => new LinkMachine(7, peer, { dialing: dialing() })
const accepted = (): LinkMachine =>
  new LinkMachine(7, peer, { connection: new Connection(connectionInit(false)), confirmBy: s(10), older: [] })
const events = (link: LinkMachine): string[] => {
  const found: string[] = []
  for (let event = link.pollEvent(); event; event = link.pollEvent()) found.push(event.type)
  return found
}

describe('transport/link-machine', () => {
  it('dials, then connects, then is open', () => {
    const link = dialed()
    expect([link.state, link.isInitiator, link.isDone]).to.deep.equal(['connecting', true, false])
    link.handleTimeout(0)
    expect(link.pollTransmit(0)?.to).to.deep.equal(ADDRESS.b)
    expect(link.pollTimeout()).to.equal(ms(250))
    link.connect(new Connection(connectionInit(true)))
    expect(link.dialing).to.equal(undefined)
    expect(link.state).to.equal('open')
    expect(events(link)).to.deep.equal(['open'])
    expect(link.openStream(0)).to.equal(0)
  })

  it('ends as unanswered after ten seconds, once', () => {
    const link = dialed()
    link.handleTimeout(s(10))
    expect([link.state, link.isDone]).to.deep.equal(['closed', true])
    expect(link.pollEvent()).to.include({ type: 'closed', kind: 'unanswered' })
    link.handleTimeout(s(11))
    link.close(s(11), 0, '')
    expect(events(link)).to.deep.equal([])
    expect(link.pollTimeout()).to.equal(undefined)
    expect(link.pollTransmit(s(11))).to.equal(undefined)
  })

  it('can be closed while it dials, without a word to the peer', () => {
    const link = dialed()
    link.close(0, 3, 'changed my mind')
    expect(link.pollEvent()).to.deep.equal({ type: 'closed', kind: 'local', code: 3, reason: 'changed my mind' })
    expect(link.pollTransmit(0)).to.equal(undefined)
    expect(link.isDone).to.equal(true)
  })

  it('opens no stream before it is open or after it closed', () => {
    expectCode(() => dialed().openStream(0), 'MSG_ERR_LINK_CLOSED')
    expectCode(() => accepted().openStream(0), 'MSG_ERR_LINK_CLOSED')
    const link = dialed()
    link.connect(new Connection(connectionInit(true)))
    link.close(0, 0, '')
    expectCode(() => link.openStream(0), 'MSG_ERR_LINK_CLOSED')
  })

  it('gives an accepted link up in silence when it is not confirmed in time', () => {
    const link = accepted()
    expect([link.state, link.isInitiator]).to.deep.equal(['connecting', false])
    expect(link.pollTimeout()).to.equal(s(10))
    link.handleTimeout(s(10) - 1)
    expect(link.state).to.equal('connecting')
    link.handleTimeout(s(10))
    expect([link.state, link.isDone]).to.deep.equal(['closed', true])
    expect(events(link)).to.deep.equal([])
    expect(link.pollTransmit(s(10))).to.equal(undefined)
  })

  it('is done when its CLOSE had time to arrive', () => {
    const link = dialed()
    link.connect(new Connection(connectionInit(true)))
    link.close(0, 0, 'bye')
    expect([link.state, link.isDone]).to.deep.equal(['closed', false])
    link.handleTimeout(link.pollTimeout()!)
    expect(link.isDone).to.equal(true)
    expect(link.pollTimeout()).to.equal(undefined)
  })

  it('has numbers at every moment of its life', () => {
    const link = dialed()
    expect(link.stats()).to.include({ srtt: 0, packetsSent: 0, cwnd: 0 })
    expect(link.stats().remote).to.deep.equal({ host: '', port: 0 })
    link.connect(new Connection(connectionInit(true)))
    expect(link.stats()).to.include({ path: 'direct', srtt: 0, cwnd: 12_000, keyPhase: 0 })
    expect(link.stats().remote).to.deep.equal(ADDRESS.b)
  })

  it('calls a path lan when the peer is on a private address or on this machine', () => {
    const path = (host: string): string => {
      const link = dialed()
      link.connect(new Connection(connectionInit(true, { remote: { host, port: 1 } })))
      return link.stats().path
    }
    expect(['10.1.2.3', '127.0.0.1', 'fe80::1', '::1'].map(path)).to.deep.equal(Array(4).fill('lan'))
    expect(['198.51.100.1', '2001:db8::1'].map(path)).to.deep.equal(Array(2).fill('direct'))
  })
})
