import { expect } from 'chai'
import { Recorder } from '../../../../src/cli/plugin-packages/recorder.ts'
import type { ServerScope } from '../../../../src/core/plugins/server-scope.ts'
import type { Protocol } from '../../../../src/core/plugins/protocol.ts'

describe('a scope that notes what is registered', () => {
  it('tells handlers, hooks, commands and streams', () => {
    const recorder = new Recorder()
    const scope = recorder.scope as ServerScope<Protocol>
    scope.handle('hi' as never, () => undefined as never)
    scope.hook('event', () => {})
    scope.command({ name: 'greet', short: 'g', summary: 'greets', run: async () => ({}), text: () => [] })
    scope.streams.accept(() => {})
    expect(recorder.registered).to.deep.equal({
      handlers: ['hi'],
      hooks: ['event'],
      commands: [{ name: 'greet', short: 'g', summary: 'greets' }],
      streams: true,
    })
  })

  it('can be used like the real one, and nothing comes of it', async () => {
    const scope = new Recorder().scope as ServerScope<Protocol>
    scope.onClose(() => {})
    scope.log.info('text', { a: 1 })
    scope.metrics.counter('a', 'b').add(1)
    scope.timers.every(1_000, () => {})()
    expect(await scope.storage.get('a')).to.equal(undefined)
    expect(await scope.storage.list()).to.deep.equal([])
    await scope.storage.put('a', 1)
    expect([...scope.sessions()]).to.deep.equal([])
    expect(scope.signal.aborted).to.equal(false)
    scope.transfers.onEvent(() => {})
    const unknown = scope as unknown as { some: { thing(): { else: AsyncIterable<unknown> & Iterable<unknown> } } }
    for await (const nothing of unknown.some.thing().else) expect.fail(String(nothing))
    expect([...unknown.some.thing().else]).to.deep.equal([])
    expect(`${unknown.some as unknown as string}`).to.equal('')
  })
})
