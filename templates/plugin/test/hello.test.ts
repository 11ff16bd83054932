import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PluginWorld } from 'msg-cli/testing'
import client from '../src/client.ts'
import server from '../src/server.ts'

const start = (options?: object) =>
  PluginWorld.start({ server: [{ plugin: server, options }], client: [{ plugin: client }] })

test('everybody else hears a greeting', async () => {
  const world = await start()
  const [alice, bob] = [await world.connect('alice'), await world.connect('bob')]
  assert.deepEqual(await alice.run('hello', { text: 'good morning' }), { told: 1 })
  assert.equal((await bob.heard('greeted')).text, 'alice says: good morning')
  assert.deepEqual(alice.events, [])
  await world.close()
  assert.deepEqual(world.faults, [])
})

test('whoever greets too often waits for a minute', async () => {
  const world = await start({ perMinute: 1 })
  const alice = await world.connect('alice')
  await alice.run('hello')
  await assert.rejects(alice.run('hello'), { code: 'MSG_ERR_LIMIT' })
  await world.advance(60_000)
  await alice.run('hello')
  await world.close()
})
