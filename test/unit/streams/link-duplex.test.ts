import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { LinkDuplex } from '../../../src/core/streams/link-duplex.ts'
import { StreamRouter } from '../../../src/core/streams/stream-router.ts'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import type { Link } from '../../../src/core/transport/endpoint-api.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 12; i++) await setImmediate()
}

describe('streams/link-duplex', () => {
  let link: Link
  let here: StreamRouter
  let accepted: LinkDuplex<string>[]

  const open = (name = 'talk/1'): LinkDuplex<string> => {
    const duplex = new LinkDuplex('bob', 'talk')
    return duplex.attach(here.open(link, name, 1, duplex.handler))
  }
  const accept = async (): Promise<LinkDuplex<string>> => {
    await settle()
    return accepted.at(-1)!
  }
  const errorOf = async (duplex: LinkDuplex<string>): Promise<{ code?: string }> => {
    const [error] = (await once(duplex, 'error')) as [{ code?: string }]
    return error
  }

  beforeEach(async () => {
    const network = new FakeNetwork({ sendBuffer: 1_000 })
    const [alice, bob] = [network.endpoint('alice'), network.endpoint('bob')]
    const there = new StreamRouter({ onFault: () => {} })
    here = new StreamRouter({ onFault: () => {} })
    accepted = []
    there.register({
      name: 'talk/1',
      priority: 1,
      accept(stream) {
        const duplex = new LinkDuplex('alice', 'talk').attach(stream)
        accepted.push(duplex)
        return duplex.handler
      },
    })
    const key = new Uint8Array(32)
    bob.expect(
      { instance: 'alice', key },
      there.listener({
        onOpen: (opened) => there.handleOpen(opened, { instance: 'alice', user: 'alice' }),
        onClosed: (closed) => there.handleClosed(closed),
      }),
    )
    link = alice.connect(
      { instance: 'bob', key },
      [bob.address],
      here.listener({
        onOpen: (opened) => here.handleOpen(opened, { instance: 'bob', user: 'bob' }),
        onClosed: (closed) => here.handleClosed(closed),
      }),
    )
    await settle()
  })

  it('carries bytes both ways, and each direction ends on its own', async () => {
    const mine = open()
    mine.end('question')
    const theirs = await accept()
    expect((await theirs.setEncoding('utf8').toArray()).join('')).to.equal('question')
    expect(theirs.destroyed).to.equal(false)
    theirs.end('answer')
    expect((await mine.setEncoding('utf8').toArray()).join('')).to.equal('answer')
    await settle()
    expect([mine.destroyed, theirs.destroyed, mine.errored, theirs.errored]).to.deep.equal([true, true, null, null])
  })

  it('holds a writer up while the other side takes nothing', async () => {
    const mine = open()
    let written = 0
    while (mine.write(Buffer.alloc(10_000))) written += 10_000
    await settle()
    expect(written).to.be.at.most(70_000)
    const theirs = await accept()
    let got = 0
    theirs.on('data', (bytes: Buffer) => (got += bytes.byteLength))
    await once(mine, 'drain')
    await settle()
    expect(got).to.equal(written + 10_000)
  })

  it('says that nobody there speaks of this', async () => {
    expect(await errorOf(open('nonsense/1'))).to.include({ code: 'MSG_ERR_PLUGIN_MISSING', detail: 'talk' })
  })

  it('ends on both sides when one gives up, and nobody who does not listen is harmed', async () => {
    const mine = open()
    mine.write('x')
    const theirs = await accept()
    theirs.destroy()
    expect(await errorOf(mine)).to.include({ code: 'MSG_ERR_CANCELLED' })
    const second = open()
    second.write('x')
    const other = await accept()
    second.destroy(new Error('enough'))
    expect(await errorOf(other)).to.include({ code: 'MSG_ERR_CANCELLED' })
  })

  it('ends with its link, whole only when it had ended before', async () => {
    const [cut, whole] = [open(), open()]
    cut.write('x')
    whole.end('y')
    await settle()
    for (const theirs of accepted) theirs.resume().end()
    await settle()
    await whole
      .resume()
      .setEncoding('utf8')
      .toArray()
      .catch(() => {})
    link.close(0, 'gone')
    await settle()
    expect(cut.errored).to.include({ code: 'MSG_ERR_LINK_CLOSED' })
    expect(whole.errored).to.equal(null)
  })
})
