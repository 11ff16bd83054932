import { expect } from 'chai'
import clientHalf from '../../../plugins/presence/src/client.ts'
import serverHalf from '../../../plugins/presence/src/server.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { PluginParty, type Guest } from '../../helpers/plugin-party.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

/** Short enough for a test, long enough for a busy machine to come back in. */
const QUICK = { graceMs: 3_000, windowMs: 1_000 }

describe('presence', () => {
  const directory = useTempDir()
  let party: PluginParty

  beforeEach(() => {
    party = new PluginParty(directory, [{ server: serverHalf, client: clientHalf, options: QUICK }])
  })
  afterEach(() => party.end())
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  const who = async (guest: Guest): Promise<string[]> => {
    const { fields } = await guest.run('who')
    return (fields['people'] as Array<{ user: string; state: string }>).map(({ user, state }) => `${user} ${state}`)
  }
  const seen = async (guest: Guest, user: string): Promise<unknown[]> => {
    const { fields } = await guest.run('last seen', { user })
    return [fields['user'], fields['state'], fields['at'] !== null]
  }

  it('tells everybody who is signed in that somebody came, and later that they left; nobody of themselves', async () => {
    await party.start()
    const alice = await party.guest('alice')
    const bob = await party.guest('bob')
    const joined = await alice.hears('bob is here.')
    expect([joined.plugin, joined.name]).to.deep.equal(['presence', 'joined'])
    expect(joined.facts).to.deep.include({ users: ['bob'], count: 1 })
    await bob.client.close()
    const { name, facts } = await alice.hears('bob left.')
    expect(name).to.equal('left')
    expect(new Date(String(facts['at'])).toISOString()).to.equal(facts['at'])
    expect(alice.told()).to.deep.equal(['joined: bob is here.', 'left: bob left.'])
    expect(bob.told()).to.deep.equal([])
  })

  it('counts users: second devices, one-shot commands and clients without the plugin change nothing', async () => {
    await party.start()
    const alice = await party.guest('alice')
    const bob = await party.guest('bob')
    const second = await party.guest('bob', { isKnown: true })
    const once = await party.guest('bob', { isKnown: true, listening: false })
    await party.guest('carol', { lacksPlugins: true })
    await alice.hears('carol is here.')
    await Promise.all([second.client.close(), once.client.close()])
    await pause(QUICK.graceMs + 300)
    expect(alice.told()).to.deep.equal(['joined: bob is here.', 'joined: carol is here.'])
    expect(await who(once).catch(() => 'gone')).to.equal('gone')
    expect(await who(bob)).to.deep.equal(['alice here', 'bob here', 'carol here'])
  })

  it('says nothing of a connection that breaks and is back, and once of one that is not', async () => {
    await party.start()
    const alice = await party.guest('alice')
    for (let i = 0; i < 3; i++) {
      const bob = await party.guest('bob', { isKnown: i > 0 })
      await bob.client.destroy()
    }
    await alice.hears('bob left.')
    expect(alice.told()).to.deep.equal(['joined: bob is here.', 'left: bob left.'])
  })

  it('gives nobody away who is invisible: to others they have left, and then nothing happens', async () => {
    await party.start()
    const alice = await party.guest('alice')
    const bob = await party.guest('bob')
    await bob.client.setStatus('inactive')
    expect(await who(alice)).to.deep.equal(['alice here'])
    await alice.hears('bob left.')
    const [, , at] = await seen(alice, 'bob')
    const second = await party.guest('bob', { isKnown: true })
    await bob.client.close()
    await second.client.close()
    await pause(QUICK.graceMs + 300)
    expect(alice.told()).to.deep.equal(['joined: bob is here.', 'left: bob left.'])
    expect([await seen(alice, 'BOB'), at]).to.deep.equal([['bob', 'gone', true], true])
    expect(await who(alice)).to.deep.equal(['alice here'])
  })

  it('is no news of whoever is back after the server was away, nor of who stays invisible; who was seen is still known', async () => {
    await party.start()
    const [alice, bob, carol] = [await party.guest('alice'), await party.guest('bob'), await party.guest('carol')]
    const dave = await party.guest('dave')
    await alice.hears('dave is here.')
    await carol.client.setStatus('inactive')
    await alice.hears('carol left.')
    await dave.client.destroy()
    const before = alice.told()
    await party.restart()
    const back = ({ events }: Guest): boolean => events.some((event) => event.type === 'signed-in' && event.restored)
    while (![alice, bob, carol].every(back)) await pause(20)
    await pause(QUICK.windowMs + 200)
    expect(alice.told()).to.deep.equal(before)
    expect(await who(bob)).to.deep.equal(['alice here', 'bob here'])
    expect(await seen(bob, 'alice')).to.deep.equal(['alice', 'here', true])
    expect(await seen(bob, 'carol')).to.deep.equal(['carol', 'gone', true])
    expect(await seen(bob, 'dave')).to.deep.equal(['dave', 'gone', true])
    expect(await seen(bob, 'nobody')).to.deep.equal(['nobody', 'unknown', false])
  })

  it('remembers nobody where that is not wanted, and forgets what it had', async () => {
    await party.start()
    const alice = await party.guest('alice')
    await party.server.close()
    await party.start({}, { lastSeen: false })
    const bob = await party.guest('bob')
    const refused = await expectRejects(seen(bob, 'alice'), 'MSG_ERR_NOT_PERMITTED')
    expect(refused.message).to.contain('does not remember')
    await party.server.close()
    await alice.client.destroy()
    await party.start()
    const carol = await party.guest('carol')
    expect(await seen(carol, 'alice')).to.deep.equal(['alice', 'unknown', false])
  })

  it('can be muted for oneself, from now on and after the next sign-in', async () => {
    await party.start()
    const alice = await party.guest('alice', { dataDir: `${directory()}/alice` })
    await alice.run('presence mute')
    await party.guest('bob')
    await alice.client.close()
    const again = await party.guest('alice', { isKnown: true, dataDir: `${directory()}/alice` })
    await party.guest('carol')
    await pause(500)
    expect([alice.told(), again.told()]).to.deep.equal([[], []])
    const { lines } = await again.run('presence unmute')
    expect(lines).to.deep.equal(['Who comes and goes is told again.'])
    await party.guest('dave')
    await again.hears('dave is here.')
  })

  it('shows who is away after nobody has typed for a while, and tells only those who want to know', async () => {
    await party.start()
    const quick = { ...QUICK, awayAfterMinutes: 0.005 }
    const alice = await party.guest('alice', {}, { ...quick, awayNotices: true })
    const bob = await party.guest('bob', {}, quick)
    const carol = await party.guest('carol')
    bob.client.noteInput()
    await alice.hears('bob is away.')
    expect(await who(carol)).to.deep.equal(['alice here', 'bob away', 'carol here'])
    const { lines } = await carol.run('last seen', { user: 'bob' })
    expect(lines).to.deep.equal(['bob is here, and away for a moment.'])
    while (!alice.told().includes('back: bob is back.')) {
      bob.client.noteInput()
      await pause(100)
    }
    expect(carol.told().filter((line) => /away|back/u.test(line))).to.deep.equal([])
  })

  it('tells a crowd as one', async () => {
    await party.start({}, { ...QUICK, threshold: 1, names: 2 })
    const alice = await party.guest('alice')
    for (const user of ['u1', 'u2', 'u3', 'u4', 'u5']) await party.guest(user)
    const { facts, text } = await alice.hears('people joined')
    expect(text).to.match(/^[2-5] people joined(, among them|:) u\d, u\d\.$/u)
    expect(facts['users']).to.have.length(2)
  })

  for (const [wrong, why] of [
    [{ graceMs: -5 }, 'graceMs'],
    [{ surprise: 1 }, 'surprise'],
  ] as const)
    it(`does not start with ${JSON.stringify(wrong)}`, async () => {
      const error = await expectRejects(party.start({}, wrong), 'MSG_ERR_CONFIG_INVALID')
      expect(error.detail).to.contain(why)
      await party.start()
    })
})
