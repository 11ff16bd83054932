import { expect } from 'chai'
import { DatagramPool } from '../../../src/core/io/datagram-pool.ts'
import { DatagramRun } from '../../../src/core/io/datagram-run.ts'
import type { SocketAddress } from '../../../src/core/transport/endpoint-api.ts'

const here: SocketAddress = { host: '192.0.2.1', port: 1 }
const there: SocketAddress = { host: '192.0.2.1', port: 2 }
const loopback: SocketAddress = { host: '127.0.0.1', port: 1 }
const uncut: SocketAddress = { host: '192.0.2.9', port: 1 }

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
        cuts: (host) => max.datagrams > 0 && host !== uncut.host,
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
    const max = { bytes: 100_000, datagrams: 64 }
    expect(send([40_000, 40_000], max, [loopback, loopback])).to.deep.equal(['40000/40000', '40000/40000'])
  })

  it('sends what no Ethernet carries in shards, where the system cuts them', () => {
    expect(send([60_000, 100])).to.deep.equal(['60378/1449', '100/100'])
    expect(send([100, 16_000])).to.deep.equal(['100/100', '16108/1449'])
    expect(send([1_452, 1_453])).to.deep.equal(['1452/1452', '1471/1449'])
  })

  it('leaves it whole on this machine, and where the system does not cut', () => {
    expect(send([60_000], undefined, [loopback])).to.deep.equal(['60000/60000'])
    expect(send([60_000], undefined, [uncut])).to.deep.equal(['60000/60000'])
    expect(send([60_000], { bytes: 0, datagrams: 0 })).to.deep.equal(['60000/60000'])
  })

  it('gives every buffer back once the system has it', () => {
    const pool = new DatagramPool()
    const done: Array<() => void> = []
    const socket = { maxRun: { bytes: 65_507, datagrams: 64 }, cuts: () => true }
    const run = new DatagramRun({ ...socket, send: (_to, _bytes, onSent) => done.push(onSent!) }, pool)
    const slabs = new Set<ArrayBufferLike>()
    for (let i = 0; i < 100; i++) {
      const packet = pool.take(60_000)
      slabs.add(packet.buffer)
      run.add(here, packet)
      done.shift()!()
    }
    expect(slabs.size).to.be.below(5)
  })
})
