import { expect } from 'chai'
import { MAX_RELAYED, readRelayed, RELAY_OVERHEAD, writeRelayed } from '../../../src/core/wire/relay.ts'

const CHANNEL = '00ff10a0b1c2d3e4'

function relayed(datagram: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RELAY_OVERHEAD + datagram.byteLength)
  writeRelayed(CHANNEL, datagram, bytes)
  return bytes
}

describe('relayed datagrams', () => {
  it('carry a datagram unchanged beside the name of their channel', () => {
    const read = readRelayed(relayed(Uint8Array.of(0x40, 1, 2)))
    expect(read?.channel).to.equal(CHANNEL)
    expect([...(read?.datagram ?? [])]).to.deep.equal([0x40, 1, 2])
  })

  it('look on the wire as documented', () => {
    const hex = Buffer.from(relayed(Uint8Array.of(0x40))).toString('hex')
    expect(hex).to.equal(`22${CHANNEL}40`)
  })

  it('are none when empty, larger than the relay takes, or of another type', () => {
    expect(readRelayed(relayed(new Uint8Array(0)))).to.equal(undefined)
    expect(readRelayed(relayed(new Uint8Array(MAX_RELAYED - RELAY_OVERHEAD)))).to.not.equal(undefined)
    expect(readRelayed(relayed(new Uint8Array(MAX_RELAYED - RELAY_OVERHEAD + 1)))).to.equal(undefined)
    expect(readRelayed(Uint8Array.of(0x21, ...new Array<number>(20).fill(0)))).to.equal(undefined)
    expect(readRelayed(new Uint8Array(0))).to.equal(undefined)
  })
})
