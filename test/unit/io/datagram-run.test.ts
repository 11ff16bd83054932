import { expect } from 'chai'
import { DatagramPool } from '../../../src/core/io/datagram-pool.ts'
import { DatagramRun } from '../../../src/core/io/datagram-run.ts'
import type { SocketAddress } from '../../../src/core/transport/endpoint-api.ts'

const here: SocketAddress = { host: '192.0.2.1', port: 1 }
const there: SocketAddress = { host: '192.0.2.1', port: 2 }

describe('io/datagram-run', () => {
  /** Sends datagrams of these sizes, and says what reached the socket: bytes and segment size of each send. */
  function send(
    sizes: readonly number[],
    max = { bytes: 65_507, datagrams: 64 },
    to = sizes.map(() => here),
  ): string[] {
    const sends: string[] = []
    const pool = new DatagramPool()
    const run = new DatagramRun(
      {
        maxRun: max,
        send: (address, bytes, onSent, segment) => {
          sends.push(`${bytes.byteLength}/${segment}${address.port === here.port ? '' : ' there'}`)
          onSent?.()
        },
      },
      pool,
    )
    sizes.forEach((size, i) => run.add({ ...to[i]! }, pool.take(Math.max(size, 1_200)).subarray(0, size)))
    run.flush()
    run.flush()
    return sends
  }

  it('sends datagrams of one size together', () => {
    expect(send([1_200, 1_200, 1_200])).to.deep.equal(['3600/1200'])
  })

  it('ends with a shorter one, and begins anew with a longer one', () => {
    expect(send([1_200, 1_200, 40, 40, 1_200])).to.deep.equal(['2440/1200', '40/40', '1200/1200'])
  })

  it('keeps different receivers apart', () => {
    expect(send([100, 100, 100], undefined, [here, there, there])).to.deep.equal(['100/100', '200/100 there'])
  })

  it('stays within what the system takes at once', () => {
    expect(send(Array<number>(5).fill(100), { bytes: 65_507, datagrams: 2 })).to.deep.equal([
      '200/100',
      '200/100',
      '100/100',
    ])
    expect(send(Array<number>(5).fill(1_000), { bytes: 2_500, datagrams: 64 })).to.deep.equal([
      '2000/1000',
      '2000/1000',
      '1000/1000',
    ])
  })

  it('sends one at a time where the system takes one', () => {
    expect(send([100, 100], { bytes: 0, datagrams: 0 })).to.deep.equal(['100/100', '100/100'])
  })

  it('does not join what lies in different slabs', () => {
    expect(send([40_000, 40_000], { bytes: 100_000, datagrams: 64 })).to.deep.equal(['40000/40000', '40000/40000'])
  })
})
