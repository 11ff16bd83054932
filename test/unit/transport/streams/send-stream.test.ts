import { expect } from 'chai'
import { SendStream } from '../../../../src/core/transport/streams/send-stream.ts'

const BUFFER = 4 * 1_048_576
/** As on a fast path: with four times the room that a stream starts with. */
function stream(limit = 1_000_000): SendStream {
  const send = new SendStream(0, 0, limit)
  send.capacity = BUFFER
  return send
}
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff)

/** Takes frames of at most `room` bytes until there is nothing to take, as [start, end, fin]. */
function takeAll(send: SendStream, room = 1_000, credit = Infinity): Array<[number, number, boolean]> {
  const taken: Array<[number, number, boolean]> = []
  for (let range = send.take(room, credit); range; range = send.take(room, credit)) {
    credit -= range.fresh
    taken.push([range.start, range.end, range.fin])
  }
  return taken
}

describe('transport/streams/send-stream', () => {
  describe('writing', () => {
    it('hands bytes out in order, in frames of the size asked for', () => {
      const send = stream()
      expect(send.write(bytes(2_500))).to.equal(2_500)
      expect(takeAll(send)).to.deep.equal([
        [0, 1_000, false],
        [1_000, 2_000, false],
        [2_000, 2_500, false],
      ])
      const out = new Uint8Array(300)
      send.copy(900, 1_200, out, 0)
      expect(Buffer.from(out).equals(bytes(2_500).subarray(900, 1_200))).to.equal(true)
    })

    it('has nothing to send before anything is written', () => {
      expect(stream().hasPending(1)).to.equal(false)
      expect(stream().take(1_000, 1_000)).to.equal(undefined)
    })

    it('keeps one mebibyte until it is acknowledged, and as much as it is told on a fast path', () => {
      expect(new SendStream(0, 0, Infinity).room).to.equal(1_048_576)
      const send = stream(Infinity)
      expect(send.write(new Uint8Array(BUFFER - 1))).to.equal(BUFFER - 1)
      expect(send.write(new Uint8Array(10))).to.equal(1)
      expect(send.write(new Uint8Array(10))).to.equal(0)
      takeAll(send, BUFFER)
      expect(send.write(new Uint8Array(10))).to.equal(0)
      send.onAcked(0, 1_000, false)
      expect(send.room).to.equal(1_000)
    })

    it('counts room only from the first byte that is missing', () => {
      const send = stream(Infinity)
      send.write(new Uint8Array(BUFFER))
      takeAll(send, 1_000_000)
      send.onAcked(1_000_000, 2_000_000, false)
      expect(send.room).to.equal(0)
      send.onAcked(0, 1_000_000, false)
      expect(send.room).to.equal(2_000_000)
    })

    it('announces room once, when a quarter is free, to a writer that was refused', () => {
      const send = stream(Infinity)
      send.write(new Uint8Array(BUFFER))
      takeAll(send, 100_000)
      expect(send.onAcked(0, BUFFER / 2, false)).to.equal(false)
      send.write(new Uint8Array(BUFFER))
      send.wantsRoom = true
      takeAll(send, 100_000)
      expect(send.onAcked(BUFFER / 2, BUFFER / 2 + 1_000, false)).to.equal(false)
      expect(send.onAcked(BUFFER / 2, BUFFER, false)).to.equal(true)
      expect(send.onAcked(BUFFER, BUFFER + 1_000, false)).to.equal(false)
    })
  })

  describe('flow control', () => {
    it('stops at the limit of the stream and goes on when it moves', () => {
      const send = stream(1_500)
      send.write(bytes(3_000))
      expect(takeAll(send)).to.deep.equal([
        [0, 1_000, false],
        [1_000, 1_500, false],
      ])
      expect(send.hasPending(Infinity)).to.equal(false)
      send.onLimit(1_000)
      expect(send.hasPending(Infinity)).to.equal(false)
      send.onLimit(2_000)
      expect(send.hasPending(Infinity)).to.equal(true)
      expect(takeAll(send)).to.deep.equal([[1_500, 2_000, false]])
    })

    it("stops at the connection's credit and counts only new bytes against it", () => {
      const send = stream()
      send.write(bytes(3_000))
      expect(takeAll(send, 1_000, 1_200)).to.deep.equal([
        [0, 1_000, false],
        [1_000, 1_200, false],
      ])
      expect(send.hasPending(0)).to.equal(false)
      send.onLost(0, 1_000, false)
      expect(send.hasPending(0)).to.equal(true)
      expect(send.take(2_000, 0)).to.deep.equal({ start: 0, end: 1_000, fin: false, fresh: 0 })
    })

    it('has nothing to send while its end waits behind bytes that may not go', () => {
      for (const [limit, credit] of [
        [1_000, Infinity],
        [Infinity, 1_000],
      ] as const) {
        const send = stream(limit)
        send.write(bytes(2_000))
        send.finish()
        takeAll(send, 1_000, credit)
        expect(send.take(1_000, credit - 1_000)).to.equal(undefined)
        expect(send.hasPending(credit - 1_000)).to.equal(false)
      }
    })
  })

  describe('the end', () => {
    it('goes with the last bytes', () => {
      const send = stream()
      send.write(bytes(1_500))
      send.finish()
      expect(takeAll(send)).to.deep.equal([
        [0, 1_000, false],
        [1_000, 1_500, true],
      ])
      expect(send.hasPending(1)).to.equal(false)
    })

    it('goes alone when the bytes went before, even without credit', () => {
      const send = stream()
      send.write(bytes(10))
      takeAll(send)
      send.finish()
      expect(send.hasPending(0)).to.equal(true)
      expect(takeAll(send, 1_000, 0)).to.deep.equal([[10, 10, true]])
    })

    it('goes alone on a stream without bytes', () => {
      const send = stream()
      send.finish()
      expect(takeAll(send)).to.deep.equal([[0, 0, true]])
      expect(send.isFinished).to.equal(false)
      send.onAcked(0, 0, true)
      expect(send.isFinished).to.equal(true)
    })

    it('comes when everything is acknowledged, in any order', () => {
      const send = stream()
      send.write(bytes(1_500))
      send.finish()
      takeAll(send)
      send.onAcked(1_000, 1_500, true)
      expect(send.isFinished).to.equal(false)
      send.onAcked(0, 1_000, false)
      expect(send.isFinished).to.equal(true)
    })

    it('refuses what is written after it', () => {
      const send = stream()
      send.finish()
      expect(send.room).to.equal(0)
      expect(send.write(bytes(1))).to.equal(0)
    })

    it('goes again when it was lost, with or without its bytes', () => {
      const send = stream()
      send.write(bytes(10))
      send.finish()
      takeAll(send)
      send.onLost(0, 10, true)
      expect(takeAll(send)).to.deep.equal([[0, 10, true]])
      // A probe carried the bytes a second time, and that copy arrived without the end.
      send.onAcked(0, 10, false)
      send.onLost(0, 10, true)
      expect(takeAll(send)).to.deep.equal([[10, 10, true]])
    })

    it('does not go again once it was acknowledged', () => {
      const send = stream()
      send.write(bytes(10))
      send.finish()
      takeAll(send)
      send.onAcked(0, 10, true)
      send.onLost(0, 10, true)
      expect(send.hasPending(Infinity)).to.equal(false)
    })
  })

  describe('loss', () => {
    it('sends lost bytes before new ones, lowest first', () => {
      const send = stream()
      send.write(bytes(4_000))
      takeAll(send)
      send.write(bytes(500))
      send.onLost(2_000, 3_000, false)
      send.onLost(0, 1_000, false)
      expect(takeAll(send, 600)).to.deep.equal([
        [0, 600, false],
        [600, 1_000, false],
        [2_000, 2_600, false],
        [2_600, 3_000, false],
        [4_000, 4_500, false],
      ])
    })

    it('does not send again what was acknowledged meanwhile', () => {
      const send = stream()
      send.write(bytes(3_000))
      takeAll(send, 3_000)
      send.onAcked(1_000, 2_000, false)
      send.onLost(0, 3_000, false)
      send.onAcked(0, 500, false)
      expect(takeAll(send)).to.deep.equal([
        [500, 1_000, false],
        [2_000, 3_000, false],
      ])
    })

    it('has nothing to send when everything lost was acknowledged', () => {
      const send = stream()
      send.write(bytes(1_000))
      takeAll(send)
      send.onLost(0, 1_000, false)
      send.onAcked(0, 1_000, false)
      expect(send.hasPending(Infinity)).to.equal(false)
    })
  })

  describe('a reset', () => {
    it('ends the stream at what was sent, and forgets the rest', () => {
      const send = stream()
      send.write(bytes(3_000))
      send.take(1_000, Infinity)
      send.onLost(0, 500, false)
      send.reset()
      expect(send.sentEnd).to.equal(1_000)
      expect(send.isFinished).to.equal(true)
      expect(send.hasPending(Infinity)).to.equal(false)
      expect(send.take(1_000, Infinity)).to.equal(undefined)
      expect(send.write(bytes(10))).to.equal(0)
    })

    it('cares no more about acknowledgements and losses', () => {
      const send = stream()
      send.write(bytes(1_000))
      takeAll(send)
      send.wantsRoom = true
      send.reset()
      send.onLost(0, 1_000, true)
      expect(send.onAcked(0, 1_000, true)).to.equal(false)
      expect(send.hasPending(Infinity)).to.equal(false)
      send.finish()
      expect(send.hasPending(Infinity)).to.equal(false)
    })
  })
})
