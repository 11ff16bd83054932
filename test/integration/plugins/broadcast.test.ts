import { expect } from 'chai'
import { BareClient } from '../../../bench/helpers/bare-client.ts'
import clientHalf from '../../../plugins/broadcast/src/client.ts'
import serverHalf from '../../../plugins/broadcast/src/server.ts'
import { Values } from '../../../src/cli/lines/values.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { PluginParty } from '../../helpers/plugin-party.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('a broadcast', () => {
  const directory = useTempDir()
  let party: PluginParty

  beforeEach(() => {
    party = new PluginParty(directory, [{ server: serverHalf, client: clientHalf }])
  })
  afterEach(() => party.end())
  const metrics = async (): Promise<Readonly<Record<string, number>>> =>
    (await party.server.status()).plugins[0]!.metrics

  it('reaches everybody who is connected, but not the connection it comes from, and the sender hears how many', async () => {
    await party.start()
    const alice = await party.guest('alice')
    const other = await party.guest('alice', { isKnown: true })
    const bob = await party.guest('bob')
    await party.guest('carol', { lacksPlugins: true })
    await party.guest('dave', { listening: false })
    const { fields, lines } = await alice.run('broadcast', { text: 'tea is\nready \u001b[31m' })
    expect(fields).to.deep.include({ delivered: { connections: 2, users: 2 }, missed: 0, without: 1 })
    expect(lines).to.deep.equal([
      'Delivered to 2 connections of 2 users.',
      '1 connection got nothing: without the plugin broadcast.',
    ])
    for (const guest of [other, bob]) {
      const { name, text, facts } = await guest.hears('tea')
      expect([name, text]).to.deep.equal(['message', 'alice to everyone: tea is\n      ready \u001b[31m'])
      expect(facts).to.deep.equal({
        from: 'alice',
        text: 'tea is\nready \u001b[31m',
        at: fields['at'],
        id: fields['id'],
      })
    }
    expect(alice.told()).to.deep.equal([])
    expect(await metrics()).to.deep.equal({ sent: 1, delivered: 2, refused: 0 })
  })

  it('is limited for each user, who hears when the next one can go', async () => {
    await party.start({}, { perMinute: 2 })
    const [alice, bob] = [await party.guest('alice'), await party.guest('bob')]
    for (let i = 0; i < 2; i++) await alice.run('broadcast', { text: 'hi' })
    const refused = await expectRejects(alice.run('broadcast', { text: 'hi' }), 'MSG_ERR_LIMIT')
    expect(refused.detail).to.match(/^2 broadcasts a minute; the next one in (30|29) s$/u)
    await bob.run('broadcast', { text: 'hi' })
    expect(await metrics()).to.include({ sent: 3, refused: 1 })
  })

  it('is refused when it says nothing, or too much', async () => {
    await party.start({}, { maxBytes: 10 })
    const alice = await party.guest('alice')
    await expectRejects(alice.run('broadcast', { text: ' \n' }), 'MSG_ERR_USAGE')
    await expectRejects(alice.run('broadcast', { text: 'ääääää' }), 'MSG_ERR_LIMIT')
    await expectRejects(alice.run('broadcast', { text: 'x'.repeat(100_000) }), 'MSG_ERR_LIMIT')
    await alice.run('broadcast', { text: 'äääää' })
    expect(await metrics()).to.include({ sent: 1, refused: 1 })
  })

  it('carries the most that there may be, whatever it is made of', async () => {
    await party.start({}, { maxBytes: 10_000 })
    const [alice, bob] = [await party.guest('alice'), await party.guest('bob')]
    const text = '\u0000'.repeat(10_000)
    const { fields } = await alice.run('broadcast', { text })
    expect(fields['delivered']).to.deep.equal({ connections: 1, users: 1 })
    expect((await bob.hears('alice')).facts['text']).to.equal(text)
  })

  it('is for those whom the server lets, by any spelling of their names', async () => {
    await party.start({}, { who: ['ALICE'] })
    const [alice, bob] = [await party.guest('alice'), await party.guest('bob')]
    await alice.run('broadcast', { text: 'hi' })
    const refused = await expectRejects(bob.run('broadcast', { text: 'hi' }), 'MSG_ERR_NOT_PERMITTED')
    expect(refused.message).to.equal('not permitted: bob may not broadcast')
  })

  it('is for nobody where the server says so, except for the server', async () => {
    await party.start({}, { who: 'none' })
    const alice = await party.guest('alice')
    await expectRejects(alice.run('broadcast', { text: 'hi' }), 'MSG_ERR_NOT_PERMITTED')
    const [command] = party.server.commands
    const context = { signal: new AbortController().signal, confirm: undefined }
    const fields = await command!.run(new Values(Object.entries({ text: 'going down' })), context)
    expect(fields).to.deep.include({ delivered: { connections: 1, users: 1 } })
    const { text, facts } = await alice.hears('going')
    expect([text, facts['from']]).to.deep.equal(['@server to everyone: going down', '@server'])
  })

  it('does not stop a server for options that cannot be: it says which', async () => {
    const error = await expectRejects(party.start({}, { who: 'some' }), 'MSG_ERR_CONFIG_INVALID')
    expect(error.detail).to.contain('who is everyone, none, or a list of names')
    await party.start()
  })

  it('reaches those who are invisible, and gives nobody away: not by the numbers', async () => {
    await party.start()
    const [alice, bob, carol] = [await party.guest('alice'), await party.guest('bob'), await party.guest('carol')]
    await bob.client.setStatus('inactive')
    await carol.client.destroy()
    await party.guest('dave', { lacksPlugins: true }).then((dave) => dave.client.setStatus('inactive'))
    while ((await party.server.status()).connections > 3) await new Promise((resolve) => setTimeout(resolve, 5))
    const { fields, lines } = await alice.run('broadcast', { text: 'psst' })
    expect(lines).to.deep.equal(['Nobody else is connected.'])
    expect(fields).to.deep.include({ missed: 0, without: 0 })
    await bob.hears('psst')
  })

  it('waits a few seconds for those who do not acknowledge it, and says how many', async () => {
    await party.start()
    const alice = await party.guest('alice')
    const bob = await party.guest('bob')
    const { port } = party.server.address
    const mute = await BareClient.connect(port, { plugins: { broadcast: 1 }, isAnswering: false })
    await mute.register('mute')
    const { fields } = await alice.run('broadcast', { text: 'hi' })
    expect(fields).to.deep.include({ delivered: { connections: 1, users: 1 }, missed: 1 })
    expect(bob.told()).to.have.length(1)
    mute.destroy()
  })

  it('comes again, under its id, to somebody whose connection broke before it was acknowledged', async () => {
    await party.start()
    const alice = await party.guest('alice')
    const { port } = party.server.address
    const first = await BareClient.connect(port, { plugins: { broadcast: 1 }, isAnswering: false })
    await first.register('bob')
    const sent = alice.run('broadcast', { text: 'hi' })
    while (first.heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    first.destroy()
    const second = await BareClient.connect(port, { plugins: { broadcast: 1 } })
    await second.login('bob', first)
    expect((await sent).fields).to.deep.include({ delivered: { connections: 1, users: 1 }, missed: 0 })
    expect(second.heard.map(({ payload }) => payload)).to.deep.equal(first.heard.map(({ payload }) => payload))
    second.destroy()
  })
})
