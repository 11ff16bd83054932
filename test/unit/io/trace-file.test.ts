import { expect } from 'chai'
import { channel } from 'node:diagnostics_channel'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { traceLinks } from '../../../src/core/io/trace-file.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

const links = channel('msg.link')
const event = (n: number): object => ({ time: n, link: 'x', name: 'packet_sent', packet_number: n, length: 9 })

describe('io/trace-file', () => {
  const dir = useTempDir()

  it('writes one JSON object a line, from when it starts until it stops', async () => {
    const path = join(dir(), 'trace.jsonl')
    links.publish(event(0))
    const stop = traceLinks(path)
    for (let n = 1; n <= 3; n++) links.publish(event(n))
    await stop()
    links.publish(event(4))
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as object)).to.deep.equal([1, 2, 3].map(event))
    expect(links.hasSubscribers).to.equal(false)
  })

  it('is for its owner alone: it tells who talked with whom, and when', async () => {
    const path = join(dir(), 'trace.jsonl')
    await traceLinks(path)()
    expect(statSync(path).mode & 0o777).to.equal(0o600)
  })

  it('ends nothing when it cannot be written', async () => {
    const stop = traceLinks(join(dir(), 'no', 'such', 'folder'))
    links.publish(event(1))
    await new Promise((resolve) => setImmediate(resolve))
    links.publish(event(2))
    await stop()
    expect(links.hasSubscribers).to.equal(false)
  })

  it('drops events rather than keeping them when the disk is slower than the link', async () => {
    const path = join(dir(), 'trace.jsonl')
    const stop = traceLinks(path)
    for (let n = 0; n < 10_000; n++) links.publish(event(n))
    await stop()
    const { size } = statSync(path)
    expect(size).to.be.above(1_000)
    // What a stream holds before it asks for patience, and one event.
    expect(size).to.be.below(17_000)
    expect(readFileSync(path, 'utf8').endsWith('}\n')).to.equal(true)
  })
})
