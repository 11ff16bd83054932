import { expect } from 'chai'
import { ServerLink } from '../../../src/core/client/server-link.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { StreamRouter } from '../../../src/core/streams/stream-router.ts'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import { expectRejects } from '../../helpers/errors.ts'

describe('client/server-link', () => {
  it('tells all who want it at once why there is none, and not the first one only', async () => {
    const link = new ServerLink({
      endpoint: new FakeNetwork().endpoint('alice'),
      streams: new StreamRouter({ onFault: () => {} }),
      emitter: { emit: () => {} } as never,
      random: () => 0.5,
      introduce: () => Promise.reject(new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: 'links to itself' })),
      host: () => '127.0.0.1',
    })
    const holders = [link.hold(), link.hold()]
    for (const holder of holders) holder.catch(() => {})
    for (const holder of holders) await expectRejects(holder, 'MSG_ERR_PLUGIN_MISSING')
    expect(link.measurements()).to.deep.equal([])
    link.close()
  })
})
