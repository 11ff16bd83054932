import { mock } from 'node:test'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import type { MsgError } from '../../../src/core/errors.ts'
import { LineConnection } from '../../../src/core/io/line-connection.ts'
import { FakeSocket, turn } from '../../helpers/fake-socket.ts'

describe('io/line-connection, without a network', () => {
  let socket: FakeSocket
  let connection: LineConnection
  let lines: string[]
  let broken: MsgError[]
  let closed: number
  let onLine: (line: string) => void

  beforeEach(() => {
    socket = new FakeSocket()
    lines = []
    broken = []
    closed = 0
    onLine = () => {}
    connection = new LineConnection(socket as unknown as Socket, 16, {
      handleLine: (line) => {
        lines.push(line)
        onLine(line)
      },
      handleBroken: (error) => broken.push(error),
      handleClosed: () => closed++,
    })
  })
  afterEach(() => {
    mock.timers.reset()
    socket.destroy()
  })

  it('puts lines together from chunks of any size', async () => {
    for (const byte of 'one\ntwo\r\n\nthree\n') await socket.deliver(byte)
    expect(lines).to.deep.equal(['one', 'two', 'three'])
    await socket.deliver('four\nfive\nsi')
    expect(lines.slice(3)).to.deep.equal(['four', 'five'])
    await socket.deliver('x\n')
    expect(lines.at(-1)).to.equal('six')
  })

  it('holds back the rest of a chunk while it is paused', async () => {
    onLine = (line) => {
      if (line === 'b') connection.pause()
    }
    await socket.deliver('a\nb\nc\nd\n')
    expect(lines).to.deep.equal(['a', 'b'])
    expect(socket.isPaused()).to.equal(true)
    connection.resume()
    expect(lines).to.deep.equal(['a', 'b', 'c', 'd'])
    expect(socket.isPaused()).to.equal(false)
  })

  it('stays paused when a line that a resume handed out pauses again', async () => {
    onLine = () => connection.pause()
    await socket.deliver('a\nb\nc\n')
    connection.resume()
    expect(lines).to.deep.equal(['a', 'b'])
    expect(socket.isPaused()).to.equal(true)
    await socket.deliver('d\n')
    expect(lines).to.deep.equal(['a', 'b'])
  })

  it('takes a resume without a pause for nothing', async () => {
    socket.pause()
    connection.resume()
    expect(socket.isPaused()).to.equal(true)
  })

  it('reads what came while it was paused', async () => {
    connection.pause()
    await socket.deliver('a\n')
    await socket.deliver('b\n')
    expect(lines).to.deep.equal([])
    connection.resume()
    await turn()
    expect(lines).to.deep.equal(['a', 'b'])
  })

  it('takes a line of exactly the limit, and refuses one byte more before it ends', async () => {
    await socket.deliver(`${'x'.repeat(15)}\n`)
    expect(lines).to.deep.equal(['x'.repeat(15)])
    expect(broken).to.deep.equal([])
    await socket.deliver('y'.repeat(16))
    expect(broken.map(({ code }) => code)).to.deep.equal(['MSG_ERR_LIMIT'])
  })

  it('hands out nothing after what is broken, however much comes', async () => {
    await socket.deliver(Buffer.concat([Buffer.from('a\n'), Buffer.of(0xff, 0x0a), Buffer.from('b\n')]))
    await socket.deliver('c\n')
    expect(lines).to.deep.equal(['a'])
    expect(broken.map(({ code }) => code)).to.deep.equal(['MSG_ERR_PROTOCOL'])
  })

  it('says once that it is over, whether the other side hangs up or breaks', async () => {
    socket.destroy(new Error('ECONNRESET'))
    await turn()
    expect(closed).to.equal(1)
    await turn()
    expect(closed).to.equal(1)
  })

  it('hands out nothing after it was destroyed', async () => {
    onLine = () => connection.destroy()
    await socket.deliver('a\nb\n')
    expect(lines).to.deep.equal(['a'])
    expect(closed).to.equal(1)
  })

  it('sends what is written in one turn in one flight', async () => {
    connection.send('a\n')
    connection.send('b\n')
    expect(socket.flights).to.deep.equal([])
    await turn()
    expect(socket.flights).to.deep.equal(['a\nb\n'])
    connection.send('c\n')
    await turn()
    expect(socket.flights).to.deep.equal(['a\nb\n', 'c\n'])
  })

  it('counts what the other side has not taken', async () => {
    socket.isRead = false
    connection.send('12345\n')
    connection.send('678\n')
    await turn()
    expect(connection.queued).to.equal(10)
  })

  it('cuts off a side that leaves a mebibyte unread, and one that leaves less not', async () => {
    socket.isRead = false
    const line = `${'x'.repeat(65_535)}\n`
    for (let i = 0; i < 17; i++) connection.send(line)
    expect(socket.destroyed).to.equal(false)
    connection.send(line)
    expect(socket.destroyed).to.equal(true)
    await turn()
    expect(closed).to.equal(1)
  })

  it('writes nothing when it is over', async () => {
    connection.destroy()
    connection.send('a\n')
    await turn()
    expect(socket.flights).to.deep.equal([])
  })

  it('ends after everything written has gone out, and reads no more', async () => {
    connection.send('last words\n')
    connection.end()
    connection.send('too late\n')
    await socket.deliver('unheard\n')
    expect(socket.text).to.equal('last words\n')
    expect(lines).to.deep.equal([])
    await socket.hangUp()
    expect(closed).to.equal(1)
  })

  it('does not wait longer than a second for the other side to hang up', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    connection.end()
    await turn()
    mock.timers.tick(999)
    expect(socket.destroyed).to.equal(false)
    mock.timers.tick(1)
    expect(socket.destroyed).to.equal(true)
    await turn()
    expect(closed).to.equal(1)
  })

  it('lets the other side hang up though it was paused when it ended', async () => {
    connection.pause()
    await socket.deliver('unheard\n')
    connection.end()
    await socket.hangUp()
    expect(lines).to.deep.equal([])
    expect(closed).to.equal(1)
  })

  it('takes an end after the end for nothing', async () => {
    connection.destroy()
    await turn()
    connection.end()
    expect(closed).to.equal(1)
  })
})
