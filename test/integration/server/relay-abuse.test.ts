import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { connectAdmin, createServer } from '../../../src/core/index.ts'
import type { AdminClient, Server } from '../../../src/core/server/api.ts'
import { flood } from '../../helpers/flooder.ts'
import { relayed } from '../../helpers/relay-lab.ts'
import { RelayPerson, udpSocket, until } from '../../helpers/relay-people.ts'
import { startServerProcess, type ServerProcess } from '../../helpers/server-process.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

const report = (text: string): void => {
  if (process.env['SIM_REPORT']) console.log(`      ${text}`)
}

describe('the relay abused', () => {
  afterEach(removeTempDirs)

  describe('by who sends what is not theirs', () => {
    let server: Server
    let alice: RelayPerson
    let bob: RelayPerson
    let channel: string
    beforeEach(async () => {
      server = await createServer({ dataDir: tempDir(), host: '127.0.0.1', port: 0, passwordCost: 'minimal' })
      alice = await RelayPerson.join(server, 'alice')
      bob = await RelayPerson.join(server, 'bob')
      channel = (await alice.meet(bob)).channel!
    })
    afterEach(async () => {
      alice.leave()
      bob.leave()
      await server.close()
    })

    it('sends nothing to anybody for strangers who know a channel, guess tokens or channels, or send noise', async () => {
      const stranger = await udpSocket()
      const heard: Buffer[] = []
      stranger.on('message', (bytes) => heard.push(bytes))
      let bytesIn = 0
      const send = (bytes: Uint8Array): void => {
        bytesIn += bytes.byteLength
        stranger.send(bytes, server.address.udpPort, '127.0.0.1')
      }
      for (let i = 0; i < 300; i++) {
        send(relayed(channel, 1_452))
        send(relayed(Buffer.from([...Array(8).keys()].map((n) => n * i)).toString('hex'), 200))
        send(Buffer.concat([Buffer.of(0x20), Buffer.alloc(16, i), Buffer.alloc(47)]))
        send(Buffer.alloc(i + 1, i))
        if (i % 50 === 49) await sleep(5)
      }
      await until('all of it', async () => {
        const { drops } = await server.relays()
        return drops.source >= 300 && drops.channel >= 300
      })
      const bytesOut = [...heard, ...alice.got, ...bob.got].reduce((sum, bytes) => sum + bytes.byteLength, 0)
      report(`spoofed: ${bytesIn} bytes in, ${bytesOut} out; drops ${JSON.stringify((await server.relays()).drops)}`)
      expect(bytesOut).to.equal(0)
      alice.send(relayed(channel))
      await until('alice still reaches bob', () => bob.got.length === 1)
      stranger.close()
    })

    it('never sends out more than came in, and answers the rendezvous with less', async () => {
      let bytesIn = 0
      for (const size of [10, 100, 1_452])
        for (let i = 0; i < 50; i++, bytesIn += size) alice.send(relayed(channel, size))
      await until('all of it', () => bob.got.length === 150)
      const bytesOut = bob.got.reduce((sum, bytes) => sum + bytes.byteLength, 0)
      report(`relayed: ${bytesIn} bytes in, ${bytesOut} out`)
      expect(bytesOut).to.equal(bytesIn)
    })

    it('tells nobody to knock at a victim’s address', async () => {
      const victims = ['203.0.113.9', '2001:db8::9', '8.8.8.8', '::ffff:203.0.113.9', 'not.an.ip']
      const mapped = { host: '203.0.113.9', port: 53 }
      await bob.client.ask('udp.hosts', {
        addresses: victims.map((host) => ({ host, port: 53 })),
        mapping: 'none',
        mapped,
      })
      const { candidates, mapping } = await alice.client.next('peer.introduced', { mapping: 'none' })
      expect(mapping).to.equal('none')
      expect(candidates).to.deep.equal([{ host: '127.0.0.1', port: bob.socket.address().port, kind: 'open' }])
    })

    it('sends next to nothing to where somebody’s token came from, before they have answered from there', async () => {
      const victim = await udpSocket()
      const heard: Buffer[] = []
      victim.on('message', (bytes) => heard.push(bytes))
      // As if bob had forged the address: what is answered there he does not hear, nor is a proof of his own good there.
      const own = await bob.claim(bob.socket)
      for (const guess of [undefined, own, Buffer.alloc(8, 1)]) await bob.claim(victim, guess)
      const answers = heard.reduce((sum, bytes) => sum + bytes.byteLength, 0)
      for (let i = 0; i < 200; i++) {
        alice.send(relayed(channel, 1_452))
        if (i % 50 === 49) await sleep(5)
      }
      await until('drops', async () => (await server.relays()).drops.unproven >= 150)
      await sleep(50)
      const bytesOut = heard.reduce((sum, bytes) => sum + bytes.byteLength, 0) - answers
      report(`forged: ${200 * 1_452} bytes in, ${bytesOut} out`)
      expect(bytesOut).to.be.within(1_452, 16_384 + 1_000)
      await bob.show()
      alice.send(relayed(channel))
      await until('alice still reaches bob', () => bob.got.length === 1)
      victim.close()
    })

    it('relays nothing for who has signed out, over UDP and over a leg', async () => {
      const leg = await alice.attach()
      await until('the leg', async () => (await server.relays()).legs === 1)
      await alice.client.ask('signout', { leave: true })
      await until('its end', () => leg.destroyed)
      for (let i = 0; i < 20; i++) {
        alice.send(relayed(channel))
        bob.send(relayed(channel))
      }
      await until('drops', async () => (await server.relays()).drops.channel === 40)
      const again = await alice.attach()
      await until('no token, no leg', () => again.destroyed)
      expect([alice.got, alice.overLeg, bob.got]).to.deep.equal([[], [], []])
    })
  })

  describe('by a flood', () => {
    let process_: ServerProcess
    let admin: AdminClient
    let server: Server
    const people: RelayPerson[] = []
    const join = async (user: string): Promise<RelayPerson> => {
      people.push(await RelayPerson.join(server, user))
      return people.at(-1)!
    }
    beforeEach(async () => {
      const dataDir = tempDir()
      process_ = await startServerProcess({ dataDir })
      admin = await connectAdmin({ dataDir })
      server = { ...admin, address: process_.said } as unknown as Server
    })
    afterEach(async () => {
      for (const person of people.splice(0)) person.leave()
      admin.close()
      await process_.end('SIGTERM')
    })

    /** Round trips of two friends through the relay, and of a request, for a while. Milliseconds. */
    const measure = async (alice: RelayPerson, bob: RelayPerson, channel: string, rounds: number): Promise<Figures> => {
      const ping = relayed(channel, 200)
      const [trips, requests]: [number[], number[]] = [[], []]
      let lost = 0
      const echo = (bytes: Buffer): void => {
        if (bytes[0] === 0x22) bob.send(bytes)
      }
      bob.socket.on('message', echo)
      for (let i = 0; i < rounds; i++) {
        const before = alice.got.length
        const startedAt = performance.now()
        alice.send(ping)
        while (alice.got.length === before && performance.now() - startedAt < 500) await sleep(0)
        if (alice.got.length === before) lost++
        else trips.push(performance.now() - startedAt)
        const askedAt = performance.now()
        await alice.client.ask('users.list', {})
        requests.push(performance.now() - askedAt)
        await sleep(5)
      }
      bob.socket.off('message', echo)
      return { lost, trips, requests }
    }

    for (const over of ['udp', 'tls'] as const)
      it(`over ${over} from one user is cut to the rate, and others go on`, async () => {
        const [alice, bob] = [await join('alice'), await join('bob')]
        const [mallory, trudy] = [await join('mallory'), await join('trudy')]
        const channel = (await alice.meet(bob)).channel!
        const theirs = (await mallory.meet(trudy)).channel!
        const quiet = await measure(alice, bob, channel, 60)
        const { port, udpPort } = process_.said
        const before = await admin.relays()
        const startedAt = performance.now()
        const token = mallory.token
        const flooder = await flood({ port, udpPort, token, datagram: relayed(theirs, 1_452), over })
        await sleep(500)
        const loud = await measure(alice, bob, channel, 150)
        const seconds = (performance.now() - startedAt) / 1_000
        const sent = await flooder.end()
        const { bytes, drops, datagrams } = await admin.relays()
        const passed = bytes - before.bytes
        report(
          `flood over ${over}: ${Math.round(sent / seconds)} datagrams/s sent, ${(passed / seconds / 1_048_576).toFixed(1)} MiB/s passed; ` +
            `relay ${spread(quiet.trips)} quiet, ${spread(loud.trips)} under it, ${loud.lost} of 150 lost; ` +
            `request ${spread(quiet.requests)} quiet, ${spread(loud.requests)} under it`,
        )
        report(`drops ${JSON.stringify(drops)}`)
        expect(drops['channel-rate']).to.be.above(0)
        // TCP waits when it must: little is read only to be dropped.
        if (over === 'tls') expect(drops['channel-rate']).to.be.below(3 * datagrams)
        // 4 MiB/s and a burst of 1 MiB, and what alice and bob said.
        expect(passed / 1_048_576).to.be.below(4 * (seconds + 1) + 2)
        expect(quiet.lost).to.equal(0)
        expect(loud.lost).to.be.below(30)
      })
  })
})

interface Figures {
  readonly lost: number
  readonly trips: readonly number[]
  readonly requests: readonly number[]
}

/** Least, median and most, milliseconds. */
function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1)
  return `${at(0)}/${at(0.5)}/${at(1)} ms`
}
