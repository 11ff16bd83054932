import { expect } from 'chai'
import type { ClientOptions } from '../../../src/core/client/api.ts'
import type { MapPort } from '../../../src/core/client/mapped-port.ts'
import { FakeServer } from '../../helpers/fake-server.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { turns } from '../../helpers/lone-courier.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('a client whose user wants an open port of the router', () => {
  const temp = useTempDir()
  const timers = useFakeTimers()
  let server: FakeServer
  let started: Array<Parameters<MapPort>[0]>
  let closed: number
  beforeEach(() => {
    server = new FakeServer()
    started = []
    closed = 0
  })
  afterEach(() => server.end())
  const mapPort: MapPort = (options) => {
    started.push(options)
    return { close: async () => void closed++ }
  }
  const signedIn = async (options: Partial<ClientOptions>) => {
    const person = await server.client(temp(), options, { mapPort })
    await person.client.register('alice', 'secret')
    return person
  }
  const hosts = (): object => server.paramsOf('udp.hosts')!

  it('asks for one for its own socket, tells the server when there is one, and gives it back', async () => {
    const { client } = await signedIn({ mapPort: true })
    expect(started).to.have.length(1)
    expect(started[0]!.port).to.be.above(0)
    expect(hosts()).to.not.have.property('mapped')
    started[0]!.onMapped({ host: '198.51.100.2', port: 40_000 })
    await turns()
    expect(hosts()).to.deep.include({ mapped: { host: '198.51.100.2', port: 40_000 } })
    started[0]!.onMapped(undefined)
    await turns()
    expect(hosts()).to.not.have.property('mapped')
    await client.close()
    expect(closed).to.equal(1)
  })

  it('says it again after signing in anew, without asking the router again', async () => {
    await signedIn({ mapPort: true })
    started[0]!.onMapped({ host: '198.51.100.2', port: 40_000 })
    await server.drop()
    // Nobody is there to be told.
    started[0]!.onMapped({ host: '198.51.100.2', port: 40_001 })
    timers.tick(500)
    await turns(20)
    expect(hosts()).to.deep.include({ mapped: { host: '198.51.100.2', port: 40_001 } })
    expect(started).to.have.length(1)
  })

  it('warns when there is none, and goes on', async () => {
    const { client, events } = await signedIn({ mapPort: true })
    started[0]!.onFailed('nobody answered')
    await turns()
    expect(events.filter(({ type }) => type === 'warning')).to.deep.equal([
      {
        type: 'warning',
        code: 'MSG_ERR_LINK_CLOSED',
        message: 'your router opened no port (nobody answered); links are made without',
      },
    ])
    expect(client.connected).to.equal(true)
  })

  it('asks nobody unless wanted', async () => {
    const { client } = await signedIn({})
    await client.close()
    expect(started).to.deep.equal([])
    expect(closed).to.equal(0)
  })
})
