import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { DatagramGarbage } from '../../../src/core/io/datagram-garbage.ts'

describe('io/datagram-garbage', () => {
  it('looks at what is young once for every 8 MiB that came, and never for somebody who only chats', () => {
    let collections = 0
    const garbage = new DatagramGarbage(() => collections++)
    for (let i = 0; i < 127; i++) garbage.add(65_536)
    expect(collections).to.equal(0)
    for (let i = 0; i < 129; i++) garbage.add(65_536)
    expect(collections).to.equal(2)
  })

  it('frees the memory of buffers that nobody has any more, and leaves the process as it was', () => {
    const garbage = new DatagramGarbage()
    const hadGc: unknown = runInNewContext('typeof globalThis.gc')
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 512; i++) {
      garbage.add(65_536)
      Buffer.allocUnsafeSlow(65_536)
    }
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(24 * 1_048_576)
    expect(runInNewContext('typeof globalThis.gc')).to.equal(hadGc)
  })

  it('leaves a process that exposed its collector as it was', async () => {
    setFlagsFromString('--expose-gc')
    try {
      const fresh = '../../../src/core/io/datagram-garbage.ts?with-gc'
      const module = (await import(fresh)) as { DatagramGarbage: typeof DatagramGarbage }
      new module.DatagramGarbage().add(8 * 1_048_576)
      expect(runInNewContext('typeof globalThis.gc')).to.equal('function')
    } finally {
      setFlagsFromString('--no-expose-gc')
    }
  })
})
