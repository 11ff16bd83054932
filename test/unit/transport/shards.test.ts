import { expect } from 'chai'
import { PacketType } from '../../../src/core/transport/packet.ts'
import { SHARD_LENGTH, shardedLength, ShardCollector, writeShards } from '../../../src/core/transport/shards.ts'
import { seededRandom } from '../../helpers/random.ts'

const from = { host: '192.0.2.1', port: 7 }
const packetOf = (length: number, start = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (i + start) % 251)

/** A packet's shards, one by one. */
function shardsOf(packet: Uint8Array, id = 1): Uint8Array[] {
  const all = new Uint8Array(shardedLength(packet.byteLength))
  writeShards(packet, id, all)
  const shards: Uint8Array[] = []
  for (let at = 0; at < all.byteLength; at += SHARD_LENGTH) shards.push(all.subarray(at, at + SHARD_LENGTH))
  return shards
}
/** What comes out for each shard that goes in. */
const outcomes = (collector: ShardCollector, shards: readonly Uint8Array[]): Array<number | undefined> =>
  shards.map((shard) => collector.handle(from, shard)?.byteLength)

describe('transport/shards', () => {
  it('lays a shard out as its table says', () => {
    const [first, last] = shardsOf(packetOf(1_500), 0xa1b2c3d4)
    expect([...first!.subarray(0, 9)]).to.deep.equal([PacketType.shard, 0x05, 0xa9, 0xa1, 0xb2, 0xc3, 0xd4, 0, 2])
    expect(first!.byteLength).to.equal(1_449)
    expect([...last!.subarray(0, 9)]).to.deep.equal([PacketType.shard, 0, 69, 0xa1, 0xb2, 0xc3, 0xd4, 1, 2])
    expect([...last!.subarray(9)]).to.deep.equal([...packetOf(1_500).subarray(1_440)])
  })

  for (const length of [1, 1_440, 1_441, 2_880, 16_000, 60_000, 65_527]) {
    it(`puts ${length} bytes together again, in any order`, () => {
      const packet = packetOf(length)
      const random = seededRandom(length)
      const shards = shardsOf(packet)
      for (const order of [shards, shards.toReversed(), shards.toSorted(() => random() - 0.5)]) {
        const collector = new ShardCollector()
        const whole = order.map((shard) => collector.handle(from, shard)).filter((packet) => packet !== undefined)
        expect(whole).to.have.length(1)
        expect(Buffer.from(whole[0]!).equals(packet)).to.equal(true)
      }
    })
  }

  it('keeps packets and senders apart', () => {
    const collector = new ShardCollector()
    const [a, b] = [shardsOf(packetOf(2_000, 1), 1), shardsOf(packetOf(2_000, 2), 2)]
    const other = { host: '192.0.2.2', port: 7 }
    expect(collector.handle(from, a[0]!)).to.equal(undefined)
    expect(collector.handle(other, a[1]!)).to.equal(undefined)
    expect(collector.handle(from, b[1]!)).to.equal(undefined)
    expect(Buffer.from(collector.handle(from, a[1]!)!).equals(packetOf(2_000, 1))).to.equal(true)
    expect(Buffer.from(collector.handle(from, b[0]!)!).equals(packetOf(2_000, 2))).to.equal(true)
    expect(Buffer.from(collector.handle(other, a[0]!)!).equals(packetOf(2_000, 1))).to.equal(true)
  })

  it('takes a shard that comes twice once', () => {
    const collector = new ShardCollector()
    const [first, second] = shardsOf(packetOf(2_000))
    expect(outcomes(collector, [first!, first!, second!])).to.deep.equal([undefined, undefined, 2_000])
  })

  it('gives every packet its own memory', () => {
    const collector = new ShardCollector()
    const whole = [1, 2].map((id) =>
      shardsOf(packetOf(2_000, id), id)
        .map((shard) => collector.handle(from, shard))
        .at(-1)!,
    )
    expect(whole[0]!.buffer).to.not.equal(whole[1]!.buffer)
  })

  it('refuses shards that contradict themselves or each other', () => {
    const collector = new ShardCollector()
    const [first, last] = shardsOf(packetOf(2_000))
    const changed = (shard: Uint8Array, at: number, value: number): Uint8Array => {
      const copy = Uint8Array.from(shard)
      copy[at] = value
      return copy
    }
    const refused = [
      changed(first!, 8, 0),
      changed(first!, 7, 2),
      changed(first!, 8, 255),
      first!.subarray(0, 1_000),
      last!.subarray(0, 9),
      last!.subarray(0, 5),
      changed(last!, 7, 0),
    ]
    expect(outcomes(collector, refused)).to.deep.equal(refused.map(() => undefined))
    expect(outcomes(collector, [first!, changed(first!, 8, 3), last!])).to.deep.equal([undefined, undefined, 2_000])
  })

  it('holds thirty-two unfinished packets at most: the oldest makes room', () => {
    const collector = new ShardCollector()
    const packets = Array.from({ length: 33 }, (_, id) => shardsOf(packetOf(2_000, id), id))
    for (const [first] of packets) collector.handle(from, first!)
    expect(collector.handle(from, packets[0]![1]!)).to.equal(undefined)
    expect(
      outcomes(
        collector,
        packets.slice(2).map(([, last]) => last!),
      ),
    ).to.deep.equal(Array(31).fill(2_000))
  })

  it('takes no fresh memory for packets that never become whole', () => {
    const collector = new ShardCollector()
    /** The last piece of a large packet: ten bytes that ask for sixty-six thousand. */
    const tiny = (id: number): Uint8Array => Uint8Array.of(PacketType.shard, 0, 10, 0, 0, id >>> 8, id, 45, 46, 1)
    const before = process.memoryUsage().arrayBuffers
    for (let id = 0; id < 1_000; id++) collector.handle(from, tiny(id))
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(32 * 70_000)
    const packet = packetOf(2_000)
    const whole = shardsOf(packet, 70_000).map((shard) => collector.handle(from, shard))
    expect(Buffer.from(whole.at(-1)!).equals(packet)).to.equal(true)
  })
})
