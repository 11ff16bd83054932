import { expect } from 'chai'
import fc from 'fast-check'
import { ChatReceiver } from '../../../src/core/chat/chat-receiver.ts'
import { FrameDecoder } from '../../../src/core/chat/frame-decoder.ts'
import { FrameWriter } from '../../../src/core/chat/frame-writer.ts'
import { Outbox } from '../../../src/core/chat/outbox.ts'
import { outboxRow } from '../../helpers/chat.ts'

/** One connection of the recipient: what reached its store, and the link that may be cut with bytes under way in both directions. */
class Receiver {
  readonly stored: number[] = []
  readonly #seen = new Set<number>()
  #receiver = new ChatReceiver<number>()
  #decoder = new FrameDecoder()
  #out = new FrameWriter()
  readonly wire: Uint8Array[] = []
  acks: Array<{ refused: number } | { count: number }> = []
  isUp = false

  reset(): void {
    this.#receiver = new ChatReceiver()
    this.#decoder = new FrameDecoder()
    this.#out = new FrameWriter()
    this.wire.length = 0
    this.acks = []
  }

  flush(outbox: Outbox, instance: string, most: number): void {
    outbox.pollFrames(instance, this.#out)
    const taken = Math.min(most, this.#out.length)
    this.wire.push(new Uint8Array(this.#out.pending.subarray(0, taken)))
    this.#out.consume(taken)
  }

  receive(refuse: boolean): void {
    for (const bytes of this.wire.splice(0)) {
      this.#decoder.handleBytes(bytes)
      for (let frame = this.#decoder.pollFrame(); frame; frame = this.#decoder.pollFrame())
        if (frame.type === 'message') this.#receiver.handleMessage(frame.message.seq, frame.size)
    }
    for (let seq = this.#receiver.peek(); seq !== undefined; seq = this.#receiver.peek()) {
      const ordinal = this.#receiver.take()
      if (refuse) this.acks.push({ refused: ordinal })
      else if (!this.#seen.has(seq)) {
        this.#seen.add(seq)
        this.stored.push(seq)
      }
    }
    const count = this.#receiver.pollAck()
    if (count !== undefined) this.acks.push({ count })
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ type: 'add' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('flush' as const), to: fc.nat({ max: 1 }), most: fc.nat({ max: 200 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('receive' as const), to: fc.nat({ max: 1 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('ack' as const), to: fc.nat({ max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('up' as const), to: fc.nat({ max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('down' as const), to: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('gone' as const), to: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('thread' as const), isOpen: fc.boolean() }) },
)

describe('fuzz: outbox and acknowledgements over links that break', () => {
  it('delivers everything exactly once, in order, and nothing is forgotten', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const outbox = new Outbox()
        const peers = [new Receiver(), new Receiver()] as const
        const delivered = new Set<number>()
        const finished = new Set<number>()
        let next = 0
        let isOpen = false
        const up = (to: number): void => {
          const peer = peers[to]!
          peer.reset()
          peer.isUp = true
          outbox.addLane(`b${to}`, 'bob')
          outbox.handleLinkUp(`b${to}`)
        }
        const down = (to: number): void => {
          peers[to]!.isUp = false
          peers[to]!.reset()
          outbox.handleLinkDown(`b${to}`)
        }
        const answer = (to: number): void => {
          for (const ack of peers[to]!.acks.splice(0)) {
            if ('refused' in ack) outbox.handleRefused(`b${to}`, ack.refused)
            else outbox.handleAck(`b${to}`, ack.count)
          }
        }
        const observe = (): void => {
          for (const { type, row } of outbox.pollEvents()) {
            const { seq } = row.message
            if (type === 'delivered') {
              expect(delivered.has(seq), 'delivered once').to.equal(false)
              expect(
                peers.some((peer) => peer.stored.includes(seq)),
                'delivered means stored',
              ).to.equal(true)
              delivered.add(seq)
            }
            if (type === 'finished') {
              expect(delivered.has(seq) && !finished.has(seq), 'finished once, after delivery').to.equal(true)
              finished.add(seq)
            }
          }
        }
        for (const one of steps) {
          if (one.type === 'add') outbox.add(outboxRow(++next))
          else if (one.type === 'thread') {
            isOpen = one.isOpen
            if (isOpen) outbox.openThread('bob', 's:bob')
            else outbox.closeThread('bob', 's:bob')
          } else if (one.type === 'up') up(one.to)
          else if (one.type === 'down') down(one.to)
          else if (one.type === 'gone') {
            down(one.to)
            outbox.removeLane(`b${one.to}`)
          } else if (!peers[one.to]!.isUp) continue
          else if (one.type === 'flush') peers[one.to]!.flush(outbox, `b${one.to}`, one.most)
          else if (one.type === 'receive') peers[one.to]!.receive(!isOpen)
          else answer(one.to)
          observe()
        }
        // In the end the conversation is open, both links are new, and nothing breaks any more.
        outbox.closeThread('bob', 's:bob')
        for (const to of [0, 1]) {
          down(to)
          outbox.removeLane(`b${to}`)
        }
        outbox.openThread('bob', 's:bob')
        for (const to of [0, 1]) up(to)
        for (const to of [0, 1]) {
          peers[to]!.flush(outbox, `b${to}`, Infinity)
          peers[to]!.receive(false)
          answer(to)
        }
        observe()
        expect(outbox).to.include({ size: 0, undelivered: 0 })
        expect(delivered.size).to.equal(next)
        expect(finished.size).to.equal(next)
      }),
      { numRuns: 400 },
    )
  })

  it('keeps the order on a connection whose conversation stays open', () => {
    const calm = fc.array(
      fc.oneof(
        fc.constant('add' as const),
        fc.constant('flush' as const),
        fc.constant('receive' as const),
        fc.constant('ack' as const),
        fc.constant('relink' as const),
      ),
      { maxLength: 150 },
    )
    fc.assert(
      fc.property(calm, fc.nat({ max: 300 }), (steps, most) => {
        const outbox = new Outbox()
        const peer = new Receiver()
        outbox.openThread('bob', 's:bob')
        outbox.addLane('b0', 'bob')
        outbox.handleLinkUp('b0')
        let next = 0
        for (const one of steps) {
          if (one === 'add') outbox.add(outboxRow(++next))
          else if (one === 'flush') peer.flush(outbox, 'b0', most)
          else if (one === 'receive') peer.receive(false)
          else if (one === 'ack')
            for (const ack of peer.acks.splice(0)) {
              if ('count' in ack) outbox.handleAck('b0', ack.count)
            }
          else {
            peer.reset()
            outbox.handleLinkUp('b0')
          }
        }
        expect(peer.stored).to.deep.equal(peer.stored.map((_, i) => i + 1))
      }),
      { numRuns: 300 },
    )
  })
})
