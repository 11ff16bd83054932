import { mock } from 'node:test'
import type { NetworkInterfaceInfo } from 'node:os'
import { expect } from 'chai'
import { NetworkWatch } from '../../../src/core/client/network-watch.ts'

/** Interfaces with these addresses. */
const having = (addresses: Record<string, string>): NodeJS.Dict<NetworkInterfaceInfo[]> =>
  Object.fromEntries(
    Object.entries(addresses).map(([name, address]) => [
      name,
      [{ address, cidr: `${address}/24` } as NetworkInterfaceInfo],
    ]),
  )

describe('client/network-watch', () => {
  let changes: number
  let interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>
  let watch: NetworkWatch
  /** The wall clock, milliseconds. */
  let wall: number
  const { now } = Date
  const pass = (seconds: number): void => {
    for (let i = 0; i < seconds; i++) {
      wall += 1_000
      mock.timers.tick(1_000)
    }
  }
  beforeEach(() => {
    wall = 1_000_000
    Date.now = () => wall
    mock.timers.enable({ apis: ['setInterval'] })
    changes = 0
    interfaces = having({ lo: '127.0.0.1', wlan0: '192.168.1.2' })
    watch = new NetworkWatch(
      () => changes++,
      () => interfaces,
    )
  })
  afterEach(() => {
    watch.close()
    mock.timers.reset()
    Date.now = now
  })

  it('tells once of an address that came, changed, or went, and of nothing else', () => {
    pass(30)
    expect(changes).to.equal(0)
    for (const next of [{ wlan0: '192.168.1.3' }, { wlan0: '192.168.1.3', eth0: '10.0.0.2' }, {}]) {
      interfaces = having(next)
      pass(3)
      expect(changes--, JSON.stringify(next)).to.equal(1)
      pass(30)
      expect(changes, JSON.stringify(next)).to.equal(0)
    }
  })

  it('does not take another order for a change', () => {
    interfaces = having({ wlan0: '192.168.1.2', lo: '127.0.0.1' })
    pass(3)
    expect(changes).to.equal(0)
  })

  it('tells when the machine slept, but not when it was busy for a while', () => {
    // Timers stand still in a sleep; the wall clock does not.
    wall += 9_000
    pass(3)
    expect(changes).to.equal(0)
    wall += 11_000
    pass(3)
    expect(changes).to.equal(1)
    pass(30)
    expect(changes).to.equal(1)
  })

  it('tells nothing after it was closed', () => {
    watch.close()
    interfaces = having({})
    pass(30)
    expect(changes).to.equal(0)
  })
})
