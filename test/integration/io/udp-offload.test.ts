import { execFileSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { UdpSocket } from '../../../src/core/io/udp-socket.ts'
import { canMakeNamespaces } from '../../helpers/lan.ts'

const LOCAL = '127.0.0.1'
const SEND_RUN = new URL('../../helpers/send-run.ts', import.meta.url)
const SEND_SLOWLY = new URL('../../helpers/send-slowly.ts', import.meta.url)

describe('io/udp-offload', () => {
  const opened: UdpSocket[] = []
  const plain: Socket[] = []
  const bind = async (offload: boolean, host = LOCAL): Promise<UdpSocket> => {
    const socket = await UdpSocket.bind({ host, offload })
    opened.push(socket)
    return socket
  }
  /** A socket of node:dgram that notes the sizes of what it gets. */
  const outsider = async (): Promise<{ port: number; sizes: number[]; bytes: Buffer[] }> => {
    const socket = createSocket('udp4').bind(0, LOCAL)
    plain.push(socket)
    await once(socket, 'listening')
    const bytes: Buffer[] = []
    const sizes: number[] = []
    socket.on('message', (message) => {
      bytes.push(message)
      sizes.push(message.byteLength)
    })
    return { port: socket.address().port, sizes, bytes }
  }
  /** Resolves when so many bytes are in, or after a second. */
  const arrival = async (total: () => number, count: number): Promise<void> => {
    for (let i = 0; i < 200 && total() < count; i++) await setTimeout(5)
  }
  const sum = (sizes: readonly number[]) => (): number => sizes.reduce((a, b) => a + b, 0)
  const sent = (socket: UdpSocket, port: number, bytes: Uint8Array, segment?: number): Promise<void> =>
    new Promise((resolve) => socket.send({ host: LOCAL, port }, bytes, resolve, segment))

  before(async function () {
    const { maxRun } = await bind(true)
    // Optional: of Linux, and of a package that is not there for every machine. Where both are, it must work.
    if (maxRun.datagrams === 0 && (process.platform !== 'linux' || !process.env['CI'])) this.skip()
    expect(maxRun).to.deep.equal({ bytes: 65_507, datagrams: 64 })
  })
  afterEach(async () => {
    for (const socket of plain.splice(0)) socket.close()
    for (const socket of opened.splice(0)) await socket.close()
  })

  for (const offload of [true, false]) {
    it(`sends a run as datagrams of one size and a shorter last one, ${offload ? 'cut by the system' : 'one by one'}`, async () => {
      const [socket, { port, sizes, bytes }] = [await bind(offload), await outsider()]
      const run = Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 251))
      await sent(socket, port, run, 1_200)
      await arrival(sum(sizes), run.byteLength)
      expect(sizes).to.deep.equal([1_200, 1_200, 1_200, 1_200, 200])
      expect(Buffer.concat(bytes).equals(run)).to.equal(true)
    })
  }

  it('leaves single datagrams whole, whatever was cut before', async () => {
    const [socket, { port, sizes }] = [await bind(true), await outsider()]
    await Promise.all([
      sent(socket, port, new Uint8Array(3_000), 1_000),
      sent(socket, port, new Uint8Array(60_000)),
      sent(socket, port, new Uint8Array(2_000), 500),
      sent(socket, port, new Uint8Array(501)),
    ])
    await arrival(sum(sizes), 65_501)
    expect(sizes).to.deep.equal([1_000, 1_000, 1_000, 60_000, 500, 500, 500, 500, 501])
  })

  it('cuts each run by its own size even when the system is slow to take them, and closes after the last', function () {
    const commands = ['link set lo up', 'tc qdisc add dev lo root tbf rate 400mbit burst 256kb limit 100mb']
    const all = { 3: 1, 1000: 5_000, 1400: 5_000 }
    let counts: unknown
    // A receiver that gets no processor for a while loses some: that is nothing of the sender's.
    for (let i = 0; i < 5 && JSON.stringify(counts) !== JSON.stringify(all); i++)
      counts = JSON.parse(inNamespace(this, commands, SEND_SLOWLY))
    expect(counts).to.deep.equal(all)
  })

  it('goes on cutting for a host that could not be reached for a while', async () => {
    const socket = await bind(true)
    const host = '255.255.255.255'
    // Refused by the system (EACCES), as when an interface is down or a firewall says no: that says nothing of cutting.
    await new Promise<void>((resolve) => socket.send({ host, port: 9 }, new Uint8Array(3_000), resolve, 1_200))
    expect(socket.cuts(host)).to.equal(true)
  })

  it('gives several datagrams of one sender in one piece, in order', async () => {
    const [a, b] = [await bind(true), await bind(true)]
    const got: Buffer[] = []
    b.onDatagram((_from, bytes) => got.push(Buffer.from(bytes)))
    const run = Buffer.from(Array.from({ length: 12_000 }, (_, i) => i % 239))
    await sent(a, b.address.port, run, 1_200)
    await arrival(() => Buffer.concat(got).byteLength, run.byteLength)
    expect(Buffer.concat(got).equals(run)).to.equal(true)
    expect(got.length, 'joined').to.be.below(10)
  })

  it('keeps its port to itself', async () => {
    const { port } = (await bind(true)).address
    const again = await UdpSocket.bind({ port, host: LOCAL }).catch((error: unknown) => error)
    expect(again).to.have.property('code', 'EADDRINUSE')
    const other = createSocket({ type: 'udp4', reuseAddr: true })
    plain.push(other)
    other.bind(port, LOCAL)
    const [error] = (await once(other, 'error')) as [Error]
    expect(error).to.have.property('code', 'EADDRINUSE')
  })

  it('speaks IPv4 and IPv6 on every address', async () => {
    const socket = await UdpSocket.bind()
    opened.push(socket)
    expect(socket.maxRun.datagrams).to.equal(64)
    const { port, sizes } = await outsider()
    await sent(socket, port, new Uint8Array(2_400), 1_200)
    await arrival(sum(sizes), 2_400)
    expect(sizes).to.deep.equal([1_200, 1_200])
  })

  it('sends one by one to a network whose packets are smaller than the datagrams', function () {
    const printed = inNamespace(this, ['link set lo mtu 1300 up'], SEND_RUN)
    expect(JSON.parse(printed)).to.deep.equal([1_452, 1_452, 96, 1_452, 1_452, 96])
  })
})

/**
 * What a helper prints in a network namespace of its own. The test is skipped where that is not permitted.
 *
 * @param commands - that set it up: arguments of `ip`, or of `tc` after its name.
 */
function inNamespace(test: Mocha.Context, commands: readonly string[], helper: URL): string {
  if (!canMakeNamespaces()) {
    if (process.env['CI']) throw new Error('network namespaces are required here')
    console.log('      skipped: making network namespaces is not permitted')
    test.skip()
  }
  const name = `msg-offload-${process.pid}`
  execFileSync('ip', ['netns', 'add', name])
  try {
    for (const command of commands) {
      const words = command.split(' ')
      const tool = words[0] === 'tc' ? words.shift()! : 'ip'
      execFileSync(tool, ['-n', name, ...words])
    }
    const node = [process.execPath, '--import', 'tsx', fileURLToPath(helper)]
    return execFileSync('ip', ['netns', 'exec', name, ...node], { encoding: 'utf8' })
  } finally {
    execFileSync('ip', ['netns', 'del', name])
  }
}
