import { expect } from 'chai'
import { millis, seconds } from '../../../src/core/time/instant.ts'
import type { SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import type { Machine, Transmit } from '../../../src/core/transport/machine.ts'
import { CLEAN, PATHS } from '../../helpers/path.ts'
import { HOME_NAT, Nat, type NatOptions } from '../../helpers/nat.ts'
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

  describe('behind a NAT', () => {
    const OUTER = '198.51.100.2'
    const home = (options: Partial<NatOptions> = {}): Nat =>
      new Nat({ ...HOME_NAT, address: OUTER, ...options }, () => 0)

    it('shows the outer address to the world, and brings answers in', () => {
      const { network, a, b } = pairOn({})
      network.place('a', { host: 'a', port: 4_000 }, home())
      a.say(B, 'out')
      network.pass(seconds(1))
      expect(b.heard[0]?.from).to.deep.equal({ host: OUTER, port: 4_000 })
      b.say(b.heard[0]!.from, 'in')
      network.pass(seconds(1))
      expect(a.heard[0]).to.include({ text: 'in' })
      expect(a.heard[0]!.from).to.deep.equal(B)
    })

    it('keeps the world out: at inner addresses always, at outer ones until somebody inside spoke', () => {
      const { network, a, b } = pairOn({})
      network.place('a', { host: 'a', port: 4_000 }, home())
      b.say({ host: 'a', port: 4_000 }, 'inner')
      b.say({ host: OUTER, port: 4_000 }, 'too soon')
      network.pass(seconds(1))
      expect(a.heard).to.deep.equal([])
    })

    for (const hairpins of [true, false])
      it(`${hairpins ? 'turns' : 'does not turn'} neighbours back by their outer addresses, and never hinders them inside`, () => {
        const { network, a, b } = pairOn({})
        const nat = home({ hairpins, filtering: 'endpoint-independent' })
        network.place('a', { host: 'a', port: 4_000 }, nat)
        network.place('b', { host: 'b', port: 4_001 }, nat)
        const server = { host: 'server', port: 1 }
        for (const each of [a, b]) each.say(server, 'hello')
        network.pass(seconds(1))
        a.say({ host: OUTER, port: 4_001 }, 'around')
        a.say({ host: 'b', port: 4_001 }, 'across')
        network.pass(seconds(1))
        const heard = b.heard.map(({ from, text }) => `${text} ${from.host}`)
        expect(heard).to.deep.equal([...(hairpins ? [`around ${OUTER}`] : []), 'across a'])
      })
  })
})
