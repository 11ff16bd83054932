import { expect } from 'chai'
import { channel } from 'node:diagnostics_channel'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { traceLinks } from '../../../src/core/io/trace-file.ts'
import { expectCode } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

const links = channel('msg.link')
const event = (n: number): object => ({ time: n, link: 'x', name: 'packet_sent', packet_number: n, length: 9 })
const linesOf = (path: string): object[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object)

describe('io/trace-file', () => {
  const dir = useTempDir()

  it('writes one JSON object a line, from when it starts until it stops', async () => {
    const path = join(dir(), 'trace.jsonl')
    links.publish(event(0))
    const stop = traceLinks(path)
    for (let n = 1; n <= 3; n++) links.publish(event(n))
    await stop()
    links.publish(event(4))
    expect(linesOf(path)).to.deep.equal([1, 2, 3].map(event))
    expect(links.hasSubscribers).to.equal(false)
  })

  it('is for its owner alone: it tells who talked with whom, and when', async () => {
    const path = join(dir(), 'trace.jsonl')
    await traceLinks(path)()
    expect(statSync(path).mode & 0o777).to.equal(0o600)
  })

  it('starts with an empty file, and shares it with another trace without holes', async () => {
    const path = join(dir(), 'trace.jsonl')
    writeFileSync(path, 'old\n')
    const first = traceLinks(path)
    links.publish(event(1))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const second = traceLinks(path)
    links.publish(event(2))
    await Promise.all([first(), second()])
    expect(linesOf(path)).to.deep.equal([event(2), event(2)])
  })

  it('refuses a file that cannot be opened, at once', () => {
    expectCode(() => traceLinks(join(dir(), 'no', 'such', 'folder')), 'MSG_ERR_USAGE')
    expectCode(() => traceLinks(dir()), 'MSG_ERR_USAGE')
    expect(links.hasSubscribers).to.equal(false)
  })

  it('ends with one word, and nothing else with it, when the disk is full', async function () {
    if (!existsSync('/dev/full')) this.skip()
    const errors: unknown[] = []
    const stop = traceLinks('/dev/full', { onError: ({ code }) => errors.push(code) })
    for (let n = 0; n < 5; n++) {
      links.publish(event(n))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect([errors, links.hasSubscribers]).to.deep.equal([['ENOSPC'], false])
    await stop()
  })

  it('leaves out and counts what the disk is too slow for, rather than keeping it', async () => {
    const path = join(dir(), 'trace.jsonl')
    const stop = traceLinks(path)
    for (let n = 0; n < 40_000; n++) links.publish(event(n))
    await new Promise((resolve) => setTimeout(resolve, 100))
    links.publish(event(50_000))
    await stop()
    const lines = linesOf(path)
    // What a stream holds before it asks for patience, and one event.
    expect(statSync(path).size).to.be.within(1_000_000, 1_050_000)
    expect(lines.slice(-2)).to.deep.equal([
      { time: 50_000, name: 'events_dropped', count: 40_002 - lines.length },
      event(50_000),
    ])
  })
})
