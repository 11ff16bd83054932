import { expect } from 'chai'
import { millis, seconds } from '../../../src/core/time/instant.ts'
import type { SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import type { Machine, Transmit } from '../../../src/core/transport/machine.ts'
import { CLEAN, PATHS } from '../../helpers/path.ts'
import { Network } from '../../helpers/network.ts'

/** Sends what it is told to, and remembers what came. */
class Node implements Machine<never> {
  readonly heard: Array<{ now: number; from: SocketAddress; text: string }> = []
  readonly #out: Transmit[] = []

  say(to: SocketAddress, text: string): void {
    this.#out.push({ to, payload: Buffer.from(text) })
  }

  handleDatagram(now: number, from: SocketAddress, payload: Uint8Array): void {
    this.heard.push({ now, from, text: Buffer.from(payload).toString() })
    // Machines open packets in place: a second copy must not suffer.
    payload.fill(0)
  }

  handleTimeout(): void {}
  pollTransmit = (): Transmit | undefined => this.#out.shift()
  pollTimeout = (): undefined => undefined
  pollEvent = (): undefined => undefined
}

function pairOn(path: Partial<typeof CLEAN>): { network: Network<never>; a: Node; b: Node } {
  const network = new Network<never>({ ...CLEAN, ...path }, 1)
  const [a, b] = [new Node(), new Node()]
  network.add('a', a)
  network.add('b', b)
  return { network, a, b }
}

const A = { host: 'a', port: 1 }
const B = { host: 'b', port: 1 }

describe('helpers/network', () => {
  it('has the links everybody names', () => {
    expect(PATHS).to.include.keys('LAN', 'DSL', 'LTE', 'SATELLITE', 'LOSSY_WAN', 'BLACKHOLE')
  })

  it('takes another way back when told so', () => {
    const { network, a, b } = pairOn({ delay: millis(1), back: { delay: millis(50) } })
    a.say(B, 'there')
    b.say(A, 'back')
    network.pass(seconds(1))
    expect([b.heard[0]?.now, a.heard[0]?.now]).to.deep.equal([millis(1), millis(50)])
  })

  it('delivers two copies of their own', () => {
    const { network, a, b } = pairOn({ duplicate: 1 })
    a.say(B, 'twice')
    network.pass(seconds(1))
    expect(b.heard.map(({ text }) => text)).to.deep.equal(['twice', 'twice'])
  })

  it('rebinds by hand: seen at another port and address, and dead at the old one', () => {
    const { network, a, b } = pairOn({})
    network.rebind('a', 'a-abroad')
    a.say(B, 'hello')
    network.pass(seconds(1))
    expect(b.heard[0]?.from).to.deep.equal({ host: 'a-abroad', port: 2 })
    b.say(A, 'lost')
    b.say(b.heard[0]!.from, 'found')
    network.pass(seconds(1))
    expect(a.heard.map(({ text }) => text)).to.deep.equal(['found'])
  })

  it('rebinds on time, again and again', () => {
    const { network, a, b } = pairOn({ rebind: { at: 1_000_000, every: seconds(5) } })
    for (let second = 0; second < 12; second += 4) {
      a.say(B, `at ${second}`)
      network.pass(seconds(4))
    }
    expect(b.heard.map(({ from }) => from.port)).to.deep.equal([1, 2, 3])
  })

  it('becomes another path on the way', () => {
    const { network, a, b } = pairOn({})
    a.say(B, '12345')
    network.pass(seconds(1))
    network.change({ mtu: 4 })
    a.say(B, '12345')
    network.pass(seconds(1))
    expect(b.heard).to.have.length(1)
    expect(network.counts).to.deep.equal({ sent: 2, dropped: 1, bytes: 10 })
    expect(network.pipe('a')?.counts.tooLarge).to.equal(1)
  })
})
