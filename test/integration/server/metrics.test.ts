import { request } from 'node:http'
import { expect } from 'chai'
import { createServer } from '../../../src/core/index.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { secondsLate } from '../../../src/core/server/metrics.ts'
import { encodeRequest } from '../../../src/core/wire/rendezvous.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { relayed } from '../../helpers/relay-lab.ts'
import { RelayPerson, until } from '../../helpers/relay-people.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

interface Family {
  readonly type: string
  readonly help: string
  /** By labels as they are written. */
  readonly samples: Map<string, number>
}

/** Reads Prometheus' text format 0.0.4, strictly. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  let current: [string, Family] | undefined
  let help = ''
  expect(text.endsWith('\n')).to.equal(true)
  for (const line of text.slice(0, -1).split('\n')) {
    const [, helped, words] = /^# HELP ([a-z_]+) (.+)$/.exec(line) ?? []
    const [, typed, type = ''] = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line) ?? []
    const [, name, labels = '', number] = /^([a-z_]+)(\{[a-z_]+="[^"\\\n]*"\})? (\S+)$/.exec(line) ?? []
    if (helped !== undefined) help = `${helped} ${words}`
    else if (typed !== undefined) {
      expect(families.has(typed), typed).to.equal(false)
      expect(help.startsWith(`${typed} `), line).to.equal(true)
      current = [typed, { type, help, samples: new Map() }]
      families.set(...current)
    } else {
      expect(name, line).to.equal(current?.[0])
      expect(Number(number), line).to.be.at.least(0)
      expect(current![1].samples.has(labels), line).to.equal(false)
      current![1].samples.set(labels, Number(number))
    }
  }
  return families
}

describe('server: metrics', () => {
  let server: Server
  const people: RelayPerson[] = []
  const start = (metrics?: string, relay = true): Promise<Server> =>
    createServer({
      dataDir: tempDir(),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      relay,
      ...(metrics === undefined ? {} : { metrics }),
    })
  const ask = (path = '/metrics', method = 'GET'): Promise<{ status: number; type: string; text: string }> =>
    new Promise((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port: server.address.metrics?.split(':')[1], path, method, agent: false },
        (response) => {
          let text = ''
          response.on('data', (bytes: Buffer) => (text += bytes.toString()))
          response.on('end', () =>
            resolve({ status: response.statusCode!, type: String(response.headers['content-type']), text }),
          )
        },
      )
      asked.on('error', reject).end()
    })
  const valueOf = async (name: string, labels = ''): Promise<number | undefined> =>
    parse((await ask()).text)
      .get(name)
      ?.samples.get(labels)

  afterEach(async () => {
    for (const person of people.splice(0)) person.leave()
    await server.close()
    removeTempDirs()
  })

  it('are text that Prometheus reads: each with help and type, counters in _total, and nobody’s name', async () => {
    server = await start('0')
    people.push(await RelayPerson.join(server, 'zaphod'))
    const { status, type, text } = await ask()
    expect([status, type]).to.deep.equal([200, 'text/plain; version=0.0.4; charset=utf-8'])
    const families = parse(text)
    for (const [name, family] of families) {
      expect(name.endsWith('_total'), name).to.equal(family.type === 'counter')
      expect(name).to.match(/^(msg|process)_/)
      expect(family.samples.size, name).to.be.above(0)
    }
    expect(families.size).to.equal(19)
    expect(text).to.not.match(/zaphod|127\.0\.0\.1/)
  })

  it('count connections, sign-ins, introductions, rendezvous and what the relay does', async () => {
    server = await start('0')
    const [alice, bob] = [await RelayPerson.join(server, 'alice'), await RelayPerson.join(server, 'bob')]
    people.push(alice, bob)
    const channel = (await alice.meet(bob)).channel!
    await bob.attach()
    await until('the leg', async () => (await valueOf('msg_relay_legs')) === 1)
    for (let i = 0; i < 3; i++) alice.send(relayed(channel))
    alice.send(relayed('00'.repeat(8)))
    alice.send(encodeRequest(Buffer.alloc(16, 9)))
    await until(
      'the last one',
      async () => (await valueOf('msg_rendezvous_requests_total', '{result="unknown"}')) === 1,
    )
    const families = parse((await ask()).text)
    const at = (name: string, labels = ''): number | undefined => families.get(name)?.samples.get(labels)
    expect(at('msg_connections')).to.equal(2)
    expect(at('msg_open_connections')).to.equal(3)
    expect(at('msg_sign_ins_total')).to.equal(2)
    expect(at('msg_introductions_total')).to.equal(2)
    expect(at('msg_rendezvous_requests_total', '{result="answered"}')).to.equal(4)
    expect(at('msg_relay_datagrams_total')).to.equal(3)
    expect(at('msg_relay_bytes_total')).to.equal(300)
    expect(at('msg_relay_drops_total', '{reason="channel"}')).to.equal(1)
    expect(families.get('msg_relay_drops_total')?.samples.size).to.equal(10)
    expect([at('msg_relay_channels'), at('msg_relay_channels_in_use')]).to.deep.equal([1, 1])
    expect(at('process_resident_memory_bytes')).to.be.above(1e6)
  })

  it('say of an event loop that comes when it should that it is not late', () => {
    expect([9_900_000, 10_000_000, 35_000_000].map(secondsLate)).to.deep.equal([0, 0, 0.025])
  })

  it('say nothing of a relay that is off', async () => {
    server = await start('127.0.0.1:0', false)
    expect([...parse((await ask()).text).keys()].filter((name) => name.includes('relay'))).to.deep.equal([])
  })

  it('are on loopback unless told otherwise, under one path, for reading only', async () => {
    server = await start('0')
    expect(server.address.metrics).to.match(/^127\.0\.0\.1:\d+$/)
    expect((await server.status()).metrics).to.equal(server.address.metrics)
    for (const path of ['/', '/metrics/', '/metrics?x', '/../metrics']) expect((await ask(path)).status).to.equal(404)
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD']) expect((await ask('/metrics', method)).status).to.equal(405)
  })

  it('are nowhere unless asked for, and say when they cannot be where they should', async () => {
    server = await start()
    expect(server.address.metrics).to.equal(undefined)
    await expectRejects(start(String(server.address.port)), 'MSG_ERR_PORT_IN_USE')
    for (const wrong of ['', 'localhost', '127.0.0.1:', '70000', '1:2:x'])
      await expectRejects(start(wrong), 'MSG_ERR_CONFIG_INVALID')
  })
})
