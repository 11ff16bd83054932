import { expect } from 'chai'
import { FlowWindow } from '../../../../src/core/transport/streams/flow-window.ts'
import { ReceiveStream } from '../../../../src/core/transport/streams/receive-stream.ts'
import { expectCode } from '../../../helpers/errors.ts'

const WINDOW = 65_536
const stream = (window = WINDOW): ReceiveStream => new ReceiveStream(new FlowWindow(window, window))
/** The limit to tell the peer, if it should hear of a new one. */
const nextLimit = (half: ReceiveStream): number | undefined => (half.updateLimit(0, 1) ? half.limit : undefined)
const text = Buffer.from('abcdefghijklmnopqrstuvwxyz')

/** What a frame with the letters of [start, end) delivers, as text; `.` marks the end of the stream. */
const receive = (receive: ReceiveStream, start: number, end: number, fin = false): string =>
  receive
    .receive(start, text.subarray(start, end), fin)
    .map((run) => Buffer.from(run.bytes).toString() + (run.fin ? '.' : ''))
    .join('')

describe('transport/streams/receive-stream', () => {
  describe('order', () => {
    it('delivers what comes in order at once', () => {
      const half = stream()
      expect(receive(half, 0, 3)).to.equal('abc')
      expect(receive(half, 3, 5)).to.equal('de')
      expect(receive(half, 5, 6, true)).to.equal('f.')
      expect(half.isFinished).to.equal(true)
    })

    it('holds back what comes early', () => {
      const half = stream()
      expect(receive(half, 6, 9)).to.equal('')
      expect(receive(half, 3, 6)).to.equal('')
      expect(receive(half, 12, 15)).to.equal('')
      expect(receive(half, 0, 3)).to.equal('abcdefghi')
      expect(receive(half, 9, 12)).to.equal('jklmno')
    })

    it('delivers every byte once, however frames overlap', () => {
      const half = stream()
      expect(receive(half, 0, 5)).to.equal('abcde')
      expect(receive(half, 0, 5)).to.equal('')
      expect(receive(half, 3, 8)).to.equal('fgh')
      expect(receive(half, 10, 14)).to.equal('')
      expect(receive(half, 6, 12)).to.equal('ijklmn')
      expect(receive(half, 0, 14)).to.equal('')
    })

    it('keeps what came early when the caller uses its buffer again', () => {
      const half = stream()
      const bytes = Buffer.from('xyz')
      half.receive(3, bytes, false)
      bytes.fill(0)
      const runs = half.receive(0, Buffer.from('abc'), false)
      expect(Buffer.concat(runs.map((run) => run.bytes)).toString()).to.equal('abcxyz')
    })

    it('delivers long stretches in views that together are whole', () => {
      const half = stream()
      const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 13) & 0xff)
      half.receive(1, bytes.subarray(1), true)
      const runs = half.receive(0, bytes.subarray(0, 1), false)
      expect(Buffer.concat(runs.map((run) => run.bytes)).equals(bytes)).to.equal(true)
      expect(runs.map((run) => run.fin)).to.deep.equal([...Array<boolean>(runs.length - 1).fill(false), true])
    })

    it('takes empty frames for nothing', () => {
      const half = stream()
      expect(receive(half, 0, 0)).to.equal('')
      expect(half.receive(9, new Uint8Array(0), false)).to.deep.equal([])
      expect(half.highest).to.equal(9)
      expect(half.isFinished).to.equal(false)
    })
  })

  describe('the end', () => {
    it('comes with the last byte, whatever came first', () => {
      const half = stream()
      expect(receive(half, 3, 6, true)).to.equal('')
      expect(half.isFinished).to.equal(false)
      expect(receive(half, 0, 3)).to.equal('abcdef.')
    })

    it('comes alone', () => {
      const half = stream()
      expect(receive(half, 0, 3)).to.equal('abc')
      expect(receive(half, 3, 3, true)).to.equal('.')
    })

    it('comes alone before its bytes', () => {
      const half = stream()
      expect(receive(half, 3, 3, true)).to.equal('')
      expect(receive(half, 0, 3)).to.equal('abc.')
    })

    it('comes on an empty stream', () => {
      const half = stream()
      expect(receive(half, 0, 0, true)).to.equal('.')
      expect(half.isFinished).to.equal(true)
    })

    it('comes once', () => {
      const half = stream()
      expect(receive(half, 0, 3, true)).to.equal('abc.')
      expect(receive(half, 0, 3, true)).to.equal('')
      expect(receive(half, 3, 3, true)).to.equal('')
      expect(receive(half, 1, 2)).to.equal('')
    })

    it('cannot move, and nothing lies beyond it', () => {
      for (const after of [
        (half: ReceiveStream) => receive(half, 0, 4, true),
        (half: ReceiveStream) => receive(half, 0, 6, true),
        (half: ReceiveStream) => receive(half, 4, 6),
        (half: ReceiveStream) => half.reset(4),
        (half: ReceiveStream) => half.reset(6),
      ]) {
        const half = stream()
        receive(half, 3, 5, true)
        expectCode(() => after(half), 'MSG_ERR_PROTOCOL')
      }
    })

    it('cannot lie before what came', () => {
      const half = stream()
      receive(half, 5, 9)
      expectCode(() => receive(half, 0, 8, true), 'MSG_ERR_PROTOCOL')
      expectCode(() => half.reset(8), 'MSG_ERR_PROTOCOL')
    })
  })

  describe('a reset', () => {
    it('ends the stream where the peer says it ended', () => {
      const half = stream()
      receive(half, 3, 6)
      half.reset(10)
      expect(half.isFinished).to.equal(true)
      expect(half.highest).to.equal(10)
      expect(receive(half, 0, 3)).to.equal('')
      expect(receive(half, 0, 10, true)).to.equal('')
    })

    it('cannot end beyond the window', () => {
      expectCode(() => stream().reset(WINDOW + 1), 'MSG_ERR_PROTOCOL')
      stream().reset(WINDOW)
    })
  })

  describe('flow control', () => {
    it('takes the last byte of the window and not one more', () => {
      const half = stream()
      half.receive(WINDOW - 1, Uint8Array.of(1), false)
      expect(half.highest).to.equal(WINDOW)
      expectCode(() => half.receive(WINDOW, Uint8Array.of(1), false), 'MSG_ERR_PROTOCOL')
      expectCode(() => half.receive(Number.MAX_SAFE_INTEGER, Uint8Array.of(1), false), 'MSG_ERR_PROTOCOL')
      expectCode(() => half.receive(WINDOW + 1, new Uint8Array(0), false), 'MSG_ERR_PROTOCOL')
    })

    it('moves the window by what was delivered, half a window at a time', () => {
      const half = stream(1_000)
      half.receive(0, new Uint8Array(499), false)
      expect(nextLimit(half)).to.equal(undefined)
      half.receive(499, new Uint8Array(1), false)
      expect(nextLimit(half)).to.equal(1_500)
      expect(half.limit).to.equal(1_500)
      expect(nextLimit(half)).to.equal(undefined)
    })

    it('does not move for bytes that wait for others', () => {
      const half = stream(1_000)
      half.receive(1, new Uint8Array(999), false)
      expect(nextLimit(half)).to.equal(undefined)
      half.receive(0, new Uint8Array(1), false)
      expect(nextLimit(half)).to.equal(2_000)
    })

    it('does not move once the end is known', () => {
      const half = stream(1_000)
      half.receive(0, new Uint8Array(1_000), true)
      expect(nextLimit(half)).to.equal(undefined)
    })
  })
})
