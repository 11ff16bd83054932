import { expect } from 'chai'
import { BulkWatch, bufferHint } from '../../../src/core/client/buffer-hint.ts'

const MIB = 1_048_576
const buffers = (receive: number) => ({ receive, send: receive, wanted: 4 * MIB })

describe('client/buffer-hint', () => {
  it('says in plain words what to do, on systems where it knows', () => {
    const hint = bufferHint(buffers(212_992), 'linux')
    expect(hint).to.contain('208 KiB').and.contain('4096 KiB')
    expect(hint).to.contain('`sudo sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304`')
    expect(bufferHint(buffers(212_992), 'darwin')).to.contain('kern.ipc.maxsockbuf=8388608')
    expect(bufferHint(buffers(212_992), 'sunos'))
      .to.contain('208 KiB')
      .and.not.contain('sudo')
  })

  it('says nothing of a buffer that does', () => {
    expect(bufferHint(buffers(MIB), 'linux')).to.equal(undefined)
    expect(bufferHint(buffers(4 * MIB), 'linux')).to.equal(undefined)
    expect(bufferHint(buffers(MIB - 1), 'linux')).to.be.a('string')
  })

  it('tells of bulk speed once, and never of chat, however much it adds up to', () => {
    let now = 0
    let told = 0
    const watch = new BulkWatch(
      () => told++,
      () => now,
    )
    for (let i = 0; i < 1_000; i++) {
      now += 200
      watch.handleBytes(MIB)
    }
    expect(told).to.equal(0)
    for (let i = 0; i < 1_000; i++) {
      now += 100
      watch.handleBytes(MIB)
    }
    expect(told).to.equal(1)
  })
})
