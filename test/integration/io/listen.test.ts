import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { expect } from 'chai'
import { ANY_HOST, ANY_HOST_V4, listen, listenError } from '../../../src/core/io/listen.ts'
import { expectRejects } from '../../helpers/errors.ts'

describe('io/listen', () => {
  const made: Server[] = []
  const server = (): Server => {
    const one = createServer()
    made.push(one)
    return one
  }
  afterEach(() => {
    for (const one of made.splice(0)) one.close()
  })

  it('binds any free port, and leaves no listener of its own behind', async () => {
    const one = server()
    await listen(one, '127.0.0.1', 0)
    expect((one.address() as AddressInfo).port).to.be.above(0)
    expect(one.listenerCount('error')).to.equal(0)
  })

  it('says which address is taken', async () => {
    const [one, two] = [server(), server()]
    await listen(one, '127.0.0.1', 0)
    const { port } = one.address() as AddressInfo
    const error = await expectRejects(listen(two, '127.0.0.1', port), 'MSG_ERR_PORT_IN_USE')
    expect(error.detail).to.equal(`127.0.0.1:${port}`)
    expect(error.cause).to.have.property('code', 'EADDRINUSE')
  })

  it('says that an address is not of this machine', async () => {
    const error = await expectRejects(listen(server(), '192.0.2.1', 0), 'MSG_ERR_CONFIG_INVALID')
    expect(error.detail).to.contain('cannot listen on 192.0.2.1:0')
  })

  it('takes every IPv4 address where there is no IPv6', async () => {
    const hosts: string[] = []
    const one = server()
    const real = one.listen.bind(one)
    // As a kernel without IPv6 answers.
    one.listen = ((options: { host: string; port: number }, done: () => void) => {
      hosts.push(options.host)
      if (options.host !== ANY_HOST) return real(options, done)
      process.nextTick(() => one.emit('error', Object.assign(new Error('no v6'), { code: 'EAFNOSUPPORT' })))
      return one
    }) as Server['listen']
    await listen(one, ANY_HOST, 0)
    expect(hosts).to.deep.equal([ANY_HOST, ANY_HOST_V4])
    expect((one.address() as AddressInfo).address).to.equal(ANY_HOST_V4)
  })

  it('does not fall back from an IPv6 address that was asked for', async () => {
    const one = server()
    one.listen = (() => {
      process.nextTick(() => one.emit('error', Object.assign(new Error('no v6'), { code: 'EADDRNOTAVAIL' })))
      return one
    }) as unknown as Server['listen']
    await expectRejects(listen(one, '::1', 0), 'MSG_ERR_CONFIG_INVALID')
  })

  it('takes IPv4 connections on every address', async () => {
    const one = server()
    await listen(one, ANY_HOST, 0)
    const { port } = one.address() as AddressInfo
    const { connect } = await import('node:net')
    const socket = connect(port, '127.0.0.1')
    const [accepted] = (await once(one, 'connection')) as [{ destroy(): void }]
    accepted.destroy()
    socket.destroy()
  })

  it('writes IPv6 addresses in brackets', () => {
    const taken = listenError(Object.assign(new Error('x'), { code: 'EADDRINUSE' }), '::1', 7)
    expect([taken.code, taken.detail]).to.deep.equal(['MSG_ERR_PORT_IN_USE', '[::1]:7'])
    const other = listenError(Object.assign(new Error('why'), { code: 'EACCES' }), '::', 80)
    expect([other.code, other.detail]).to.deep.equal(['MSG_ERR_CONFIG_INVALID', 'cannot listen on [::]:80: why'])
  })
})
