import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { askMapper, findRouter, PortMapping } from '../../../src/core/io/port-mapping.ts'

/** A router's UPnP half: what it was asked, as `action name=value …`. */
class FakeRouter {
  readonly asked: string[] = []
  readonly #server: Server
  /** Instead of a description. */
  description: string | undefined

  constructor() {
    this.#server = createServer((request, response) => {
      response.setHeader('content-type', 'text/xml')
      if (request.method === 'GET') return void response.end(this.description ?? DESCRIPTION)
      const action = /#(\w+)/.exec(String(request.headers['soapaction']))?.[1] ?? ''
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const fields = [...body.matchAll(/<(New\w+)>([^<]*)</g)].map(([, name, value]) => `${name}=${value}`)
        this.asked.push([action, ...fields].join(' '))
        response.end(soap(action, ANSWERS[action] ?? ''))
      })
    })
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/root.xml`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

describe('the thread that asks a router for a port', function () {
  let router: FakeRouter
  let descriptor: string
  beforeEach(async () => {
    router = new FakeRouter()
    descriptor = await router.start()
  })
  afterEach(() => router.close())
  const request = { job: 'map', port: 5_000, externalPort: 5_000, leaseSeconds: 3_600, deadlineMs: 5_000 } as const

  it('opens one over UPnP, for UDP and an hour, and gives the same back', async () => {
    let mapping!: PortMapping
    const mapped = await new Promise((resolve, reject) => {
      const onFailed = (why: string): void => reject(new Error(why))
      mapping = new PortMapping({ port: 5_000, place: { descriptor }, onMapped: resolve, onFailed })
    })
    expect(mapped).to.deep.equal({ host: '198.51.100.2', port: 40_000 })
    await mapping.close()
    expect(router.asked).to.deep.equal([
      'AddAnyPortMapping NewRemoteHost= NewExternalPort=5000 NewProtocol=UDP NewInternalPort=5000 NewInternalClient=127.0.0.1 NewEnabled=1 NewPortMappingDescription=msg NewLeaseDuration=3600',
      'GetExternalIPAddress',
      'DeletePortMapping NewRemoteHost= NewExternalPort=40000 NewProtocol=UDP',
    ])
  })

  it('only looks when it is to look', async () => {
    const found = await findRouter(5_000, { place: { descriptor } })
    expect(found).to.include({ by: 'upnp', router: '127.0.0.1', externalHost: '198.51.100.2' })
    expect(router.asked).to.deep.equal(['GetExternalIPAddress'])
  })

  it('takes no more than a description, and fetches from nobody but the router', async () => {
    router.description = `<root>${'x'.repeat(300_000)}</root>`
    const complaint = async (): Promise<string> =>
      askMapper({ ...request, descriptor }, 5_000).then(
        () => '',
        (error: Error) => error.message,
      )
    expect(await complaint()).to.contain('too large')
    router.description = DESCRIPTION.replace('<controlURL>', '<controlURL>http://192.0.2.1')
    expect(await complaint()).to.contain('192.0.2.1 is not the router')
    expect(router.asked).to.deep.equal([])
  })

  it('fails with what was wrong when the router says nonsense', async () => {
    for (const description of ['', 'no xml', '<root/>', '<root><device/></root>']) {
      router.description = description
      const found = await findRouter(5_000, { place: { descriptor } })
      expect(found, description).to.equal(undefined)
    }
  })

  it('ends with its deadline, or when it is not wanted any more', async () => {
    const silent = createServer(() => {})
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const nobody = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`
    try {
      expect(await findRouter(900, { place: { descriptor: nobody } })).to.equal(undefined)
      const stop = new AbortController()
      const looking = findRouter(60_000, { place: { descriptor: nobody }, signal: stop.signal })
      stop.abort(new Error('enough'))
      const reason = await looking.then(
        () => undefined,
        (error: Error) => error.message,
      )
      expect(reason).to.equal('enough')
    } finally {
      silent.close()
      silent.closeAllConnections()
    }
  })
})

const soap = (action: string, fields: string): string =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:${action}Response xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:2">${fields}</u:${action}Response></s:Body></s:Envelope>`

const ANSWERS: Readonly<Record<string, string>> = {
  AddAnyPortMapping: '<NewReservedPort>40000</NewReservedPort>',
  GetExternalIPAddress: '<NewExternalIPAddress>198.51.100.2</NewExternalIPAddress>',
}

const DESCRIPTION = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device>
 <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType><UDN>uuid:1</UDN>
 <serviceList><service>
  <serviceType>urn:schemas-upnp-org:service:WANIPConnection:2</serviceType>
  <serviceId>1</serviceId><SCPDURL>/scpd.xml</SCPDURL><controlURL>/control</controlURL><eventSubURL>/event</eventSubURL>
 </service></serviceList>
</device></root>`
