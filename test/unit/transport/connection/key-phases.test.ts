import { expect } from 'chai'
import { PacketKey } from '../../../../src/core/crypto/packet-keys.ts'
import { KeyPhases } from '../../../../src/core/transport/connection/key-phases.ts'

const HEADER = 2
const UNTIL = 1_000

/** One end of a link's keys that numbers its packets. */
class End {
  readonly keys: KeyPhases
  next = 0
  now = 0

  constructor(isInitiator: boolean) {
    const keys = [1, 2].map((byte) => new PacketKey(new Uint8Array(32).fill(byte))) as [PacketKey, PacketKey]
    if (!isInitiator) keys.reverse()
    this.keys = new KeyPhases(isInitiator, ...keys)
  }

  seal(): { packetNumber: number; phase: 0 | 1; packet: Uint8Array } {
    const packetNumber = this.next++
    const packet = new Uint8Array(HEADER + 4 + 16)
    packet.set(Buffer.from(String(packetNumber).padStart(4, '0')), HEADER)
    const { phase } = this.keys
    this.keys.seal(packetNumber, packet, HEADER)
    return { packetNumber, phase, packet }
  }

  /** @returns the number inside, or `undefined` when it does not open. */
  open({ packetNumber, phase, packet }: ReturnType<End['seal']>): number | undefined {
    const plain = this.keys.open(this.now, packetNumber, phase, packet, HEADER, this.now + UNTIL)
    return plain && Number(Buffer.from(plain).toString())
  }
}

const ends = (): [End, End] => [new End(true), new End(false)]

/** One whole update: the initiator starts, the responder follows, the initiator hears of it. */
function update(initiator: End, responder: End): void {
  initiator.keys.update()
  responder.open(initiator.seal())
  initiator.open(responder.seal())
}

describe('transport/connection/key-phases', () => {
  it('opens what the other side sealed, both ways', () => {
    const [a, b] = ends()
    expect(b.open(a.seal())).to.equal(0)
    expect(a.open(b.seal())).to.equal(0)
    expect(a.keys.phase).to.equal(0)
    expect(a.keys.isSettled).to.equal(true)
  })

  it('follows an update of the initiator, and settles when the initiator sees that', () => {
    const [a, b] = ends()
    a.keys.update()
    expect([a.keys.phase, a.keys.count, a.keys.isSettled]).to.deep.equal([1, 1, false])
    expect(b.open(a.seal())).to.equal(0)
    expect([b.keys.phase, b.keys.count, b.keys.isSettled]).to.deep.equal([1, 1, true])
    expect(a.open(b.seal())).to.equal(0)
    expect(a.keys.isSettled).to.equal(true)
  })

  it('goes through any number of updates', () => {
    const [a, b] = ends()
    for (let i = 1; i <= 9; i++) {
      update(a, b)
      expect([a.keys.count, b.keys.count]).to.deep.equal([i, i])
      expect(b.open(a.seal())).to.be.a('number')
      expect(a.open(b.seal())).to.be.a('number')
    }
  })

  it('opens packets of the old keys that arrive after the update, for a while', () => {
    const [a, b] = ends()
    const [early, late] = [a.seal(), a.seal()]
    a.keys.update()
    b.open(a.seal())
    expect(b.open(early)).to.equal(early.packetNumber)
    b.now = UNTIL - 1
    expect(b.open(late)).to.equal(late.packetNumber)
    b.now = UNTIL
    expect(b.open(late)).to.equal(undefined)
    expect(b.open(a.seal())).to.be.a('number')
  })

  it('opens packets of the new keys in any order', () => {
    const [a, b] = ends()
    a.keys.update()
    const [first, second] = [a.seal(), a.seal()]
    expect(b.open(second)).to.equal(1)
    expect(b.open(first)).to.equal(0)
  })

  it('does not open packets of the keys before the last', () => {
    const [a, b] = ends()
    const old = a.seal()
    update(a, b)
    update(a, b)
    expect(b.open(old)).to.equal(undefined)
    expect(b.open(a.seal())).to.be.a('number')
  })

  it('does not follow a packet that merely claims the other phase', () => {
    const [a, b] = ends()
    for (let i = 0; i < 3; i++) {
      const packet = a.seal()
      expect(b.open({ ...packet, phase: 1 })).to.equal(undefined)
      expect(b.keys.count).to.equal(0)
    }
    expect(b.open(a.seal())).to.equal(3)
    update(a, b)
    expect(b.keys.count).to.equal(1)
  })

  it('does not let the responder start an update', () => {
    const [a, b] = ends()
    b.keys.update()
    expect(a.open(b.seal())).to.equal(undefined)
    expect(a.keys.count).to.equal(0)
  })

  it('mixes an agreed secret into both directions', () => {
    const [a, b] = ends()
    const mix = new Uint8Array(32).fill(9)
    a.keys.agree(mix)
    b.keys.agree(mix)
    update(a, b)
    expect(b.open(a.seal())).to.be.a('number')
    expect(a.open(b.seal())).to.be.a('number')
    // The secret was used up: the next update is by the ratchet alone again.
    update(a, b)
    expect(b.open(a.seal())).to.be.a('number')
  })

  it('does not follow an update whose secret the other side does not have', () => {
    const [a, b] = ends()
    a.keys.agree(new Uint8Array(32).fill(9))
    a.keys.update()
    expect(b.open(a.seal())).to.equal(undefined)
    expect(b.keys.count).to.equal(0)
  })

  it('takes a secret that was agreed after a forged packet had made it guess the next keys', () => {
    const [a, b] = ends()
    b.open({ ...a.seal(), phase: 1 })
    const mix = new Uint8Array(32).fill(9)
    a.keys.agree(mix)
    b.keys.agree(mix)
    update(a, b)
    expect([a.keys.count, b.keys.count]).to.deep.equal([1, 1])
  })
})
