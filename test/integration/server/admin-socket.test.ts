import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { connectAdmin, createServer } from '../../../src/core/index.ts'
import { decodeRpc, encodeRequest, type RpcMessage } from '../../../src/core/control/rpc.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('server: admin socket', () => {
  let server: Server
  let dataDir: string
  let socket: Socket
  let text: string

  beforeEach(async () => {
    dataDir = tempDir()
    server = await createServer({ dataDir, host: '127.0.0.1', port: 0, passwordCost: 'minimal' })
    socket = connect(join(dataDir, 'admin.sock'))
    text = ''
    socket.on('data', (bytes) => (text += bytes.toString()))
    await once(socket, 'connect')
  })
  afterEach(async () => {
    socket.destroy()
    await server.close()
    removeTempDirs()
  })

  const answers = async (count: number): Promise<RpcMessage[]> => {
    while (text.split('\n').length <= count && !socket.destroyed)
      await Promise.race([once(socket, 'data'), once(socket, 'close')])
    return text.trimEnd().split('\n').map(decodeRpc)
  }
  const codes = (messages: RpcMessage[]): unknown[] =>
    messages.map((message) => (message.kind === 'error' ? message.error.code : message.kind))

  it('refuses unknown methods, wrong parameters and what is no request, and goes on', async () => {
    socket.write(encodeRequest(1, 'no.such', {}))
    socket.write(encodeRequest(2, 'members', { room: 7 }))
    socket.write(encodeRequest(3, 'toString', {}))
    socket.write('{"jsonrpc":"2.0","method":"status"}\n{"jsonrpc":"2.0","id":4}\n')
    socket.write(encodeRequest(5, 'rooms', {}))
    const found = await answers(5)
    expect(codes(found).sort()).to.deep.equal(
      ['MSG_ERR_METHOD_UNKNOWN', 'MSG_ERR_PROTOCOL', 'MSG_ERR_METHOD_UNKNOWN', 'MSG_ERR_PROTOCOL', 'result'].sort(),
    )
  })

  it('closes on a line over the limit', async () => {
    socket.write('x'.repeat(65_536))
    expect(codes(await answers(1))).to.deep.equal(['MSG_ERR_LIMIT'])
    await once(socket, 'close')
  })

  it('answers requests in any number, and a stop before it stops', async () => {
    for (let i = 0; i < 100; i++) socket.write(encodeRequest(i, 'users', { connected: i % 2 === 0 }))
    socket.write(encodeRequest(100, 'stop', {}))
    const found = await answers(101)
    expect(found).to.have.lengthOf(101)
    expect(new Set(codes(found))).to.deep.equal(new Set(['result']))
    await server.stopped
  })

  it('is not believed when server.json is not what a server writes', async () => {
    for (const content of ['', '{}', '[]', '{"pid":1}', 'x'.repeat(10_000)]) {
      const other = tempDir()
      writeFileSync(join(other, 'server.json'), content)
      await expectRejects(connectAdmin({ dataDir: other }), 'MSG_ERR_SERVER_NOT_RUNNING')
    }
  })

  it('ends what is asked of it when the server goes', async () => {
    const admin = await connectAdmin({ dataDir })
    await server.close()
    await expectRejects(admin.users(), 'MSG_ERR_CONNECTION_CLOSED')
    admin.close()
  })
})
