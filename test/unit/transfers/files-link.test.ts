import { expect } from 'chai'
import type { LinkStream, StreamHandler } from '../../../src/core/streams/link-stream.ts'
import { StreamCode, type StreamRouter } from '../../../src/core/streams/stream-router.ts'
import { encodeFrame } from '../../../src/core/transfer/frame-writer.ts'
import type { Link } from '../../../src/core/transport/endpoint-api.ts'
import { FilesLink } from '../../../src/core/transfers/files-link.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { transferId } from '../../helpers/transfers.ts'

/** One link, whose stream takes what the test lets it take. */
class Lab {
  /** Streams that the link takes. */
  grants = Infinity
  /** Bytes that the stream takes. */
  room = Infinity
  written = 0
  closed: Array<[number | undefined, string | undefined]> = []
  own: StreamHandler | undefined
  readonly files: FilesLink

  constructor() {
    const link = {
      state: 'open',
      close: (code?: number, reason?: string) => {
        link.state = 'closed'
        this.closed.push([code, reason])
      },
    }
    const router = {
      open: (_link: unknown, _name: string, _priority: number, handler: StreamHandler) => {
        if (this.grants-- <= 0) throw new MsgError('MSG_ERR_LIMIT', { detail: 'streams' })
        this.own = handler
        return { write: (bytes: Uint8Array) => this.#take(bytes.byteLength) } as LinkStream
      },
    } as unknown as StreamRouter
    this.files = new FilesLink(
      link as unknown as Link,
      { instance: 'b1', user: 'bob' },
      { router, onFrame: (files) => files.send({ type: 'withdraw', id: transferId(2) }) },
    )
  }

  #take(bytes: number): number {
    const taken = Math.min(bytes, this.room)
    this.room -= taken
    this.written += taken
    return taken
  }
}

describe('transfers/files-link', () => {
  let lab: Lab
  beforeEach(() => {
    lab = new Lab()
  })
  const tell = (): void => lab.files.send({ type: 'accept', id: transferId(1) })

  it('closes a link that takes no stream, and throws nothing', () => {
    lab.grants = 0
    tell()
    tell()
    expect(lab.closed).to.deep.equal([[0x03, 'no stream for transfers']])
  })

  it('closes a link when the other side wants no more frames on it, once', () => {
    tell()
    lab.own!.onStop!(StreamCode.failed)
    lab.own!.onEnd!(StreamCode.failed)
    expect(lab.closed).to.deep.equal([[0x02, 'transfers broke off']])
  })

  it('keeps a link to somebody who speaks no transfers, and to whom nothing is said any more', () => {
    tell()
    const { written } = lab
    lab.own!.onEnd!(StreamCode.refused)
    tell()
    expect([lab.closed, lab.written, lab.files.isOpen]).to.deep.equal([[], written, false])
  })

  it('closes nothing when transfers end here', () => {
    tell()
    lab.own!.onEnd!(undefined)
    expect(lab.closed).to.deep.equal([])
  })

  it('answers questions late when much waits, of each transfer the last one', () => {
    const piece = { type: 'manifest', id: transferId(1), offset: 0, bytes: new Uint8Array(65_536) } as const
    lab.room = 0
    for (let i = 0; i < 33; i++) lab.files.send(piece)
    const answered: string[] = []
    for (const [transfer, question] of ['a1', 'a2', 'b1'].map((name) => [name[0]!, name] as const))
      lab.files.answer(transfer, () => answered.push(question))
    expect(answered).to.deep.equal([])
    lab.room = 100_000
    lab.own!.onWritable!()
    expect(answered).to.deep.equal(['a2', 'b1'])
  })

  it('reads no more questions from somebody who reads no answers, until they have gone', () => {
    const told: string[] = []
    const stream = { pause: () => told.push('pause'), resume: () => told.push('resume') } as unknown as LinkStream
    const { onData } = lab.files.handler()
    const accept = encodeFrame({ type: 'accept', id: transferId(1) })
    lab.room = 0
    let asked = 0
    for (; told.length === 0 && asked < 100_000; asked++) onData(accept, false, stream)
    expect(asked, 'answers that wait').to.be.within(1_000, 20_000)
    lab.room = 1_000
    lab.own!.onWritable!()
    expect(told).to.deep.equal(['pause'])
    lab.room = Infinity
    lab.own!.onWritable!()
    expect(told).to.deep.equal(['pause', 'resume'])
  })
})
