import { expect } from 'chai'
import { FrameWriter } from '../../../src/core/chat/frame-writer.ts'
import { Outbox } from '../../../src/core/chat/outbox.ts'
import { decodeAll, outboxRow } from '../../helpers/chat.ts'

/** An outbox and what it would put on each link, by message number. */
const rig = () => {
  const outbox = new Outbox()
  const seqs = (instance: string): number[] => {
    const out = new FrameWriter()
    outbox.pollFrames(instance, out)
    return decodeAll(out.pending).map((frame) => (frame.type === 'message' ? frame.message.seq : -1))
  }
  const events = (): string[] => outbox.pollEvents().map(({ type, row }) => `${type} ${row.message.seq}`)
  const link = (instance: string, user = 'bob'): void => {
    outbox.addLane(instance, user)
    outbox.handleLinkUp(instance)
  }
  return { outbox, seqs, events, link }
}

describe('the outbox', () => {
  it('sends when the conversation is open and a link is up, in order', () => {
    const { outbox, seqs, events, link } = rig()
    outbox.add(outboxRow(1))
    link('b1')
    expect(seqs('b1')).to.deep.equal([])
    outbox.openThread('bob', 's:bob')
    outbox.add(outboxRow(2))
    expect(seqs('b1')).to.deep.equal([1, 2])
    expect(events()).to.deep.equal(['sent 1', 'sent 2'])
    outbox.handleAck('b1', 2)
    expect(events()).to.deep.equal(['delivered 1', 'finished 1', 'delivered 2', 'finished 2'])
    expect(outbox).to.include({ size: 0, undelivered: 0 })
  })

  it('sends what was not acknowledged again after a new link, before what is new', () => {
    const { outbox, seqs, events, link } = rig()
    outbox.openThread('bob', 's:bob')
    link('b1')
    for (const n of [1, 2, 3]) outbox.add(outboxRow(n))
    seqs('b1')
    outbox.handleAck('b1', 1)
    outbox.handleLinkDown('b1')
    outbox.add(outboxRow(4))
    expect(seqs('b1')).to.deep.equal([])
    outbox.handleLinkUp('b1')
    expect(seqs('b1')).to.deep.equal([2, 3, 4])
    outbox.handleAck('b1', 3)
    expect(events().filter((event) => event.startsWith('sent'))).to.have.length(4)
    expect(outbox.size).to.equal(0)
  })

  it('is delivered with the first connection and finished with the last that is there', () => {
    const { outbox, seqs, events, link } = rig()
    outbox.openThread('bob', 's:bob')
    link('b1')
    link('b2')
    outbox.add(outboxRow(1))
    seqs('b1')
    seqs('b2')
    outbox.handleAck('b1', 1)
    expect(events()).to.deep.equal(['sent 1', 'delivered 1'])
    outbox.removeLane('b2')
    expect(events()).to.deep.equal(['finished 1'])
  })

  it('keeps a row whose only connection went, for the next one', () => {
    const { outbox, seqs, link } = rig()
    outbox.openThread('bob', 's:bob')
    link('b1')
    outbox.add(outboxRow(1))
    seqs('b1')
    outbox.removeLane('b1')
    expect(outbox.undelivered).to.equal(1)
    link('b2')
    expect(seqs('b2')).to.deep.equal([1])
  })

  it('gives a new connection only what nobody has', () => {
    const { outbox, seqs, link } = rig()
    outbox.openThread('bob', 's:bob')
    link('b1')
    link('b2')
    outbox.add(outboxRow(1))
    seqs('b1')
    outbox.handleAck('b1', 1)
    outbox.add(outboxRow(2))
    link('b3')
    expect(seqs('b3')).to.deep.equal([2])
    expect(seqs('b2')).to.deep.equal([1, 2])
  })

  it('does not send a connection again what it has', () => {
    const { outbox, seqs, link } = rig()
    outbox.openThread('bob', 's:bob')
    link('b1')
    link('b2')
    outbox.add(outboxRow(1))
    seqs('b1')
    outbox.handleAck('b1', 1)
    outbox.handleLinkDown('b1')
    outbox.handleLinkUp('b1')
    expect(seqs('b1')).to.deep.equal([])
    expect(seqs('b2')).to.deep.equal([1])
    outbox.closeThread('bob', 's:bob')
    outbox.openThread('bob', 's:bob')
    expect(seqs('b1')).to.deep.equal([])
    expect(seqs('b2')).to.deep.equal([])
  })

  it('holds back what was not sent when the conversation closes, and lets it go when it opens again', () => {
    const { outbox, seqs, events, link } = rig()
    outbox.openThread('bob', 's:bob')
    outbox.addLane('b1', 'bob')
    outbox.add(outboxRow(1))
    outbox.closeThread('bob', 's:bob')
    outbox.handleLinkUp('b1')
    expect(seqs('b1')).to.deep.equal([])
    expect(outbox.queued({ user: 'bob' })).to.equal(1)
    outbox.openThread('bob', 's:bob')
    expect(seqs('b1')).to.deep.equal([1])
    expect(events()).to.deep.equal(['sent 1'])
    link('b1')
  })

  it('keeps conversations of one user apart', () => {
    const { outbox, seqs, link } = rig()
    link('b1')
    outbox.add(outboxRow(1))
    outbox.add(outboxRow(2, 'bob', { kind: 'room', room: 'lab' }))
    outbox.openThread('bob', 'r:lab')
    expect(seqs('b1')).to.deep.equal([2])
    expect(outbox.hasWaiting('bob', 's:bob')).to.equal(true)
    expect(outbox.queued({ key: 'r:lab' })).to.equal(1)
    expect(outbox.waitingUsers()).to.deep.equal(['bob'])
    expect(outbox.drop('bob', 's:bob')).to.have.length(1)
    expect(outbox.undelivered).to.equal(1)
  })

  it('takes a refused row back to wait, unless another connection took it', () => {
    const { outbox, seqs, events, link } = rig()
    outbox.openThread('bob', 's:bob')
    link('b1')
    outbox.add(outboxRow(1))
    seqs('b1')
    outbox.handleRefused('b1', 1)
    outbox.handleAck('b1', 1)
    expect(events()).to.deep.equal(['sent 1', 'refused 1'])
    expect(outbox.undelivered).to.equal(1)
    outbox.closeThread('bob', 's:bob')
    outbox.openThread('bob', 's:bob')
    expect(seqs('b1')).to.deep.equal([1])
  })

  it('gives own connections copies and forgets them when there is nobody', () => {
    const { outbox, seqs, events, link } = rig()
    const copy = outboxRow(1, 'alice', { kind: 'session', user: 'bob' }, true)
    outbox.add(copy)
    expect(outbox.size).to.equal(0)
    link('a2', 'alice')
    outbox.add(copy)
    expect(seqs('a2')).to.deep.equal([1])
    expect(outbox.undelivered).to.equal(0)
    outbox.removeLane('a2')
    expect(events()).to.deep.equal(['sent 1', 'finished 1'])
    expect(outbox.size).to.equal(0)
  })
})
