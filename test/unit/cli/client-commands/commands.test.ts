import { expect } from 'chai'
import type { LinkStatus } from '../../../../src/core/client/api.ts'
import { ClientSession, type Asker } from '../../../../src/cli/client/session.ts'
import { CLIENT_COMMANDS } from '../../../../src/cli/client-commands/table.ts'
import { Console } from '../../../../src/cli/console/console.ts'
import { JsonOutput, TextOutput } from '../../../../src/cli/console/output.ts'
import { clientEventLines } from '../../../../src/cli/render/client-events.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import { Capture } from '../../../helpers/capture.ts'
import { FakeNetwork } from '../../../helpers/fake-network.ts'

const plain = palette(false)

/** A client that is typed to, in JSON and in text at once. */
class Typist {
  readonly json = new Capture()
  readonly text = new Capture()
  readonly errors = new Capture()
  readonly session: ClientSession
  readonly #consoles: readonly [Console<ClientSession>, Console<ClientSession>]

  constructor(network: FakeNetwork, ask?: Asker) {
    const json = new JsonOutput(this.json)
    const text = new TextOutput(this.text, this.errors, plain)
    this.session = new ClientSession({
      createClient: network.createClient,
      options: { dataDir: '/nowhere', accept: 'ask', keepOpen: false },
      onEvent(event) {
        json.event(event)
        text.event(event, clientEventLines(event, plain))
      },
      ...(ask ? { ask } : {}),
    })
    const shared = { table: CLIENT_COMMANDS, context: this.session, palette: plain }
    this.#consoles = [new Console({ ...shared, output: json }), new Console({ ...shared, output: text })]
  }

  /** Types a line and returns its JSON answer. */
  async type(line: string): Promise<Record<string, unknown>> {
    await this.#consoles[0].answer(line)
    return this.answers.at(-1) ?? {}
  }

  /** Types a line and returns what a person reads. */
  async read(line: string): Promise<string> {
    const before = this.text.text.length
    await this.#consoles[1].answer(line)
    return this.text.text.slice(before)
  }

  get answers(): Array<Record<string, unknown>> {
    return this.json.objects.filter(({ type }) => type === 'result')
  }

  async eventually(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.json.objects.find((object) => object['type'] === type)
      if (found) return found
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

describe('the commands of the client', () => {
  let network: FakeNetwork
  let alice: Typist
  let bob: Typist

  beforeEach(async () => {
    network = new FakeNetwork()
    alice = new Typist(network)
    bob = new Typist(network)
    for (const [typist, name] of [
      [alice, 'alice'],
      [bob, 'bob'],
    ] as const) {
      await typist.type('c 127.0.0.1')
      await typist.type(`register ${name} secret`)
    }
  })

  afterEach(async () => {
    await alice.session.disconnect()
    await bob.session.disconnect()
  })

  async function openSession(): Promise<void> {
    const opened = alice.type('open bob')
    await bob.eventually('session.request')
    await bob.type('accept alice')
    await opened
  }

  it('connect tells the server and its fingerprint, and emits connected', async () => {
    expect(alice.answers[0]).to.deep.equal({
      type: 'result',
      command: 'connect',
      ok: true,
      server: 'fake',
      address: '127.0.0.1',
      fingerprint: 'SHA256:fake',
      firstUse: true,
    })
    expect(alice.json.objects[0]).to.include({ type: 'connected', address: '127.0.0.1' })
  })

  it('connect passes a fingerprint on', async () => {
    const carol = new Typist(network)
    await carol.type('connect 127.0.0.1 --fingerprint SHA256:abc')
    expect(network.options.at(-1)).to.include({ fingerprint: 'SHA256:abc', server: '127.0.0.1' })
    await carol.session.disconnect()
  })

  it('connect fails while connected, and says as whom', async () => {
    expect(await alice.type('connect 127.0.0.1')).to.include({ ok: false, code: 'MSG_ERR_SIGNED_IN' })
  })

  it('every other command fails before connect, with the way out', async () => {
    const carol = new Typist(network)
    for (const line of ['users', 'lr', 'open bob', 'send hi', 'peers', 'whoami', 'disconnect', 'leave', 'active']) {
      expect(await carol.type(line), line).to.include({
        ok: false,
        code: 'MSG_ERR_NOT_CONNECTED',
        hint: 'connect <address> first',
      })
    }
    expect(await carol.type('status')).to.deep.include({ ok: true, server: null, user: null, conversations: [] })
    expect(await carol.read('status')).to.contain('Not connected')
    expect(await carol.type('help')).to.include({ ok: true })
  })

  it('remembers that connecting failed, until it works', async () => {
    network.unreachable.add('nowhere')
    const carol = new Typist(network)
    expect(await carol.type('connect nowhere')).to.include({ code: 'MSG_ERR_SERVER_UNREACHABLE' })
    expect(carol.session.failure?.code).to.equal('MSG_ERR_SERVER_UNREACHABLE')
    await carol.type('connect 127.0.0.1')
    expect(carol.session.failure).to.equal(undefined)
    await carol.session.disconnect()
  })

  it('answers a classic short name with the canonical long one', async () => {
    const pairs = { lu: 'users', lcu: 'connected', lr: 'rooms', l: 'status', 'cnr r': 'room create', 'or r': 'enter' }
    for (const [line, command] of Object.entries(pairs))
      expect(await alice.type(line)).to.include({ command, ok: true })
  })

  it('whoami tells user, address and device', async () => {
    expect(await alice.type('whoami')).to.deep.include({
      user: 'alice',
      virtualAddress: '100.64.0.1',
      device: 'SHA256:mine',
    })
    expect(await alice.read('whoami')).to.contain('You are alice (100.64.0.1), active')
  })

  it('login refuses a wrong password', async () => {
    await alice.type('disconnect')
    await alice.type('connect 127.0.0.1')
    expect(await alice.type('login alice wrong')).to.include({ ok: false, code: 'MSG_ERR_SIGN_IN_FAILED' })
    expect(await alice.type('login alice secret')).to.include({ ok: true, user: 'alice' })
  })

  it('login without a password works on a known device, and names the way on others', async () => {
    await alice.type('disconnect')
    await alice.type('connect 127.0.0.1')
    expect(await alice.type('login alice')).to.include({ code: 'MSG_ERR_PROFILE_UNKNOWN' })
    network.devices.add('alice')
    expect(await alice.type('login alice')).to.include({ ok: true })
  })

  it('register refuses a taken name and needs a password from a script', async () => {
    const carol = new Typist(network)
    await carol.type('connect 127.0.0.1')
    expect(await carol.type('register alice x')).to.include({ code: 'MSG_ERR_NAME_TAKEN' })
    expect(await carol.type('register carol')).to.include({ code: 'MSG_ERR_USAGE' })
    await carol.session.disconnect()
  })

  it('users and connected list people', async () => {
    await bob.type('disconnect')
    expect((await alice.type('users'))['users']).to.have.length(2)
    expect((await alice.type('connected'))['users']).to.have.length(1)
    expect(await alice.read('lu')).to.match(/bob +offline +100\.64\.0\.2/u)
  })

  it('open waits for the answer, then send goes there', async () => {
    await openSession()
    expect(alice.answers.at(-1)).to.deep.equal({
      type: 'result',
      command: 'open',
      ok: true,
      user: 'bob',
      present: true,
    })
    const sent = await alice.type('s  hello   there')
    expect(sent).to.deep.include({
      command: 'send',
      state: 'delivered',
      conversation: { kind: 'session', user: 'bob' },
    })
    const message = await bob.eventually('message')
    expect(message).to.include({ from: 'alice', text: ' hello   there', id: sent['id'], room: null })
    expect(await alice.eventually('message.delivered')).to.include({ to: 'bob', id: sent['id'] })
  })

  it('open tells why it failed', async () => {
    expect(await alice.type('open alice')).to.include({ code: 'MSG_ERR_SELF' })
    expect(await alice.type('open nobody')).to.include({ code: 'MSG_ERR_USER_UNKNOWN' })
    await bob.type('disconnect')
    expect(await alice.type('open bob')).to.include({ code: 'MSG_ERR_USER_OFFLINE' })
  })

  it('decline says no or busy', async () => {
    for (const [line, code] of [
      ['decline', 'MSG_ERR_SESSION_DECLINED'],
      ['decline alice --busy', 'MSG_ERR_USER_BUSY'],
    ] as const) {
      const opened = alice.type('open bob')
      while (network.signedIn('bob')?.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
      expect(await bob.type(line)).to.include({ ok: true, user: 'alice' })
      expect(await opened).to.include({ ok: false, code })
    }
  })

  it('accept waits in a script until the request comes', async () => {
    const accepted = bob.type('accept ALICE --always')
    await new Promise((resolve) => setImmediate(resolve))
    const fake = network.signedIn('bob')
    // The fake knows exact names only.
    const opened = alice.type('open bob')
    expect(await accepted).to.include({ ok: false, code: 'MSG_ERR_REQUEST_UNKNOWN' })
    expect(await bob.type('accept alice --always')).to.include({ ok: true, user: 'alice' })
    expect(fake?.always).to.deep.equal(['alice'])
    expect(await opened).to.include({ ok: true })
  })

  it('accept is satisfied when the session was opened by itself meanwhile', async () => {
    const accepted = bob.type('accept alice')
    await new Promise((resolve) => setImmediate(resolve))
    network.signedIn('bob')?.tell({ type: 'session.opened', with: 'alice', present: true })
    expect(await accepted).to.include({ ok: true, user: 'alice' })
    await openSession()
    expect(await bob.type('accept alice')).to.include({ ok: true })
  })

  it('accept takes a virtual address', async () => {
    const opened = alice.type('open bob')
    await bob.eventually('session.request')
    expect(await bob.type('accept 100.64.0.1')).to.include({ ok: true, user: 'alice' })
    await opened
  })

  it('accept without a name means the only one who asked', async () => {
    expect(await bob.type('accept')).to.include({ code: 'MSG_ERR_REQUEST_UNKNOWN' })
    network.signedIn('bob')?.requests.push('alice', 'carol')
    expect(await bob.type('accept')).to.include({ code: 'MSG_ERR_USAGE', message: 'who? alice, carol asked' })
  })

  it('accept gives up when the session ends', async () => {
    const accepted = bob.type('accept alice')
    await new Promise((resolve) => setImmediate(resolve))
    bob.session.end()
    expect(await accepted).to.include({ code: 'MSG_ERR_REQUEST_UNKNOWN' })
  })

  it('send fails with nothing open', async () => {
    expect(await alice.type('send hi')).to.include({ code: 'MSG_ERR_NO_CONVERSATION' })
  })

  it('status counts what waits', async () => {
    await openSession()
    network.holdsDeliveries = true
    expect(await alice.type('send hi')).to.include({ state: 'queued' })
    expect(await alice.read('status')).to.contain('* bob, here, 1 message waiting')
  })

  it('open says at once whom it asks, to people only', async () => {
    const opened = alice.read('open bob')
    expect(alice.text.text).to.match(/Asking bob …\n$/u)
    await bob.eventually('session.request')
    await bob.type('decline')
    await opened
    const before = alice.json.lines.length
    await alice.type('open nobody')
    expect(alice.json.lines.slice(before)).to.have.length(1)
    await alice.read('open \u001b[2J')
    expect(alice.text.text).not.to.contain('\u001b')
    expect(alice.errors.text).not.to.contain('\u001b')
  })

  it('open can be taken back, every question at once', async () => {
    expect(alice.session.withdraw()).to.equal(false)
    const opened = alice.type('open bob')
    await bob.eventually('session.request')
    expect(alice.session.withdraw()).to.equal(true)
    expect(await opened).to.include({ ok: false, code: 'MSG_ERR_CANCELLED' })
    expect(alice.session.withdraw()).to.equal(false)
    expect(alice.session.ended.aborted).to.equal(false)
  })

  it('open is taken back when the session ends', async () => {
    const opened = alice.type('open bob')
    await bob.eventually('session.request')
    alice.session.end()
    expect(await opened).to.include({ ok: false, code: 'MSG_ERR_CANCELLED' })
  })

  it('rooms can be made, entered, listed, spoken in and closed', async () => {
    expect(await alice.type('room create lobby')).to.include({ ok: true, room: 'lobby' })
    expect(await bob.type('enter lobby')).to.include({ ok: true, owner: 'alice' })
    expect(await alice.eventually('room.joined')).to.include({ user: 'bob' })
    expect((await alice.type('members lobby'))['members']).to.have.length(2)
    expect(await alice.read('lru lobby')).to.contain('alice (owner)')
    expect(await alice.read('rooms')).to.contain('lobby  alice  2')
    await alice.type('send all')
    expect(await bob.eventually('message')).to.include({ room: 'lobby', text: 'all' })
    expect(await bob.type('room close lobby')).to.include({ code: 'MSG_ERR_NOT_ROOM_OWNER' })
    expect(await alice.type('cr')).to.include({ ok: true, room: 'lobby' })
    expect(await bob.type('enter lobby')).to.include({ code: 'MSG_ERR_ROOM_UNKNOWN' })
  })

  it('members without a name lists the current room, and fails where none is', async () => {
    expect(await alice.type('lru')).to.include({ ok: false, code: 'MSG_ERR_NO_CONVERSATION' })
    await alice.type('room create lobby')
    expect(await alice.type('lru')).to.deep.include({ ok: true, command: 'members', room: 'lobby', owner: 'alice' })
    expect(await alice.read('LRU')).to.equal('lobby: 1 member\n  alice (owner)\n')
  })

  it('verify without a name means the other of the session, and fails where none is', async () => {
    expect(await alice.type('verify')).to.include({ ok: false, code: 'MSG_ERR_USAGE' })
    await openSession()
    expect(await alice.type('verify')).to.include({ ok: true, user: 'bob' })
    await alice.type('room create lobby')
    expect(await alice.type('verify')).to.include({ ok: false, code: 'MSG_ERR_USAGE' })
  })

  describe('history', () => {
    const at = new Date(2026, 0, 2, 3, 4).toISOString()
    const said = (text: string, over: object = {}) => ({
      id: '0'.repeat(32),
      from: 'bob',
      text,
      at,
      room: null,
      with: 'Bob',
      own: false,
      ...over,
    })
    beforeEach(() => {
      network
        .signedIn('alice')
        ?.past.push(
          said('hello you'),
          said('hi', { from: 'alice', own: true }),
          said('all\ntogether', { from: 'eve', room: 'lab', with: null }),
          said('mine', { from: 'alice', own: true, room: 'lab', with: null }),
        )
    })
    const found = async (line: string): Promise<unknown> => {
      const { with: name, text, messages } = await alice.type(line)
      return [name, text, (messages as Array<{ text: string }>).map((message) => message.text)]
    }

    it('tells everything, a conversation by name, or what contains a text', async () => {
      expect(await found('history')).to.deep.equal([null, null, ['hello you', 'hi', 'all\ntogether', 'mine']])
      expect(await found('history BOB')).to.deep.equal(['Bob', null, ['hello you', 'hi']])
      expect(await found('history bob hello')).to.deep.equal(['Bob', 'hello', ['hello you']])
      expect(await found('history #lab')).to.deep.equal(['lab', null, ['all\ntogether', 'mine']])
      expect(await found('history lab mine')).to.deep.equal(['lab', 'mine', ['mine']])
      expect(await found('{"command":"history","name":"bob","text":"hi"}')).to.deep.equal(['Bob', 'hi', ['hi']])
    })

    it('searches everywhere for words that are nobodys name', async () => {
      expect(await found('history hello')).to.deep.equal([null, 'hello', ['hello you']])
      expect(await found('history hello you')).to.deep.equal([null, 'hello you', ['hello you']])
      expect(await found('history #bob')).to.deep.equal([null, '#bob', []])
    })

    it('takes a limit, and says what limits there are', async () => {
      expect(await found('history --limit 1')).to.deep.equal([null, null, ['mine']])
      for (const limit of ['0', '-1', 'x', '10000'])
        expect(await alice.type(`history --limit ${limit}`), limit).to.include({ code: 'MSG_ERR_USAGE' })
    })

    it('reads like the conversation, and says when there is none', async () => {
      expect(await alice.read('history')).to.equal(
        [
          '2026-01-02 03:04 bob: hello you',
          '2026-01-02 03:04 you to Bob: hi',
          '2026-01-02 03:04 eve #lab: all',
          '      together',
          '2026-01-02 03:04 you #lab: mine\n',
        ].join('\n'),
      )
      expect(await alice.read('history nothing')).to.equal('Nothing was said that fits.\n')
    })

    it('escapes what others wrote', async () => {
      network.signedIn('alice')?.past.push(said('\u001b[2J', { from: 'b\u001bob', with: 'b\u001bob' }))
      expect(await alice.read('history')).not.to.contain('\u001b')
    })
  })

  it('leaving ones own room warns a script first, then closes it', async () => {
    await alice.type('room create lobby')
    expect(await alice.type('leave')).to.deep.include({
      ok: true,
      closed: true,
      conversation: { kind: 'room', room: 'lobby' },
    })
    const kinds = alice.json.objects.map(({ type }) => type)
    expect(kinds.indexOf('warning')).to.be.within(0, kinds.lastIndexOf('result') - 1)
  })

  it('leaving hands a room over without a warning', async () => {
    await alice.type('room create lobby')
    await bob.type('enter lobby')
    expect(await alice.type('leave --to bob')).to.include({ ok: true, closed: false })
    expect(network.rooms.get('lobby')?.owner).to.equal('bob')
    expect(alice.json.objects.some(({ type }) => type === 'warning')).to.equal(false)
  })

  it('leaving asks a person, who may stay', async () => {
    const questions: string[] = []
    let answer = false
    const carol = new Typist(network, {
      async confirm(question) {
        questions.push(question)
        return answer
      },
      secret: async () => '',
    })
    await carol.type('connect 127.0.0.1')
    await carol.type('register carol x')
    await carol.type('room create hall')
    expect(await carol.type('leave')).to.include({ ok: false, code: 'MSG_ERR_CANCELLED' })
    expect(questions).to.deep.equal(['You created hall; leaving closes it for everybody. Leave?'])
    answer = true
    expect(await carol.type('leave')).to.include({ ok: true, closed: true })
    await carol.session.disconnect()
  })

  it('asks a person for missing passwords', async () => {
    const secrets = ['secret']
    const carol = new Typist(network, { confirm: async () => true, secret: async () => secrets.shift() ?? '' })
    await carol.type('connect 127.0.0.1')
    expect(await carol.type('login alice')).to.include({ ok: true, user: 'alice' })
    secrets.push('one', 'two')
    expect(await carol.type('register dora')).to.include({ code: 'MSG_ERR_USAGE', message: 'the two passwords differ' })
    secrets.push('same', 'same')
    expect(await carol.type('register dora')).to.include({ ok: true, user: 'dora' })
    await carol.session.disconnect()
  })

  it('peers tells path, RTT and what waits', async () => {
    await openSession()
    const [peer] = (await alice.type('peers'))['peers'] as object[]
    expect(peer).to.include({
      user: 'bob',
      device: 'SHA256:0123456789abcdef',
      verified: false,
      state: 'open',
      path: 'lan',
      why: 'same-machine',
      explanation: 'same machine',
      address: '127.0.0.1:9',
      rttMs: 0.25,
      loss: 0.01,
      bytesRelayed: 0,
      queued: 0,
    })
    expect((await alice.read('peers')).split('\n')).to.deep.equal([
      'bob lan for 3 min: same machine',
      '  RTT 0.25 ms, 1.0 % lost; 127.0.0.1:9',
      '  device SHA256:01234567…',
      '',
    ])
  })

  it('links tells every number of a link, and what to do about the socket', async () => {
    expect(await alice.read('links')).to.equal('No link is open. `open <user>` or `enter <room>` makes links.\n')
    const client = network.signedIn('alice')!
    client.linked = [LINK]
    client.socket = { receiveBuffer: 212_992, sendBuffer: 4_194_304, wanted: 4_194_304, hint: 'it is small' }
    client.network = { mapping: 'dependent', address: '198.51.100.2:9' }
    const { socket, network: seen } = client
    expect(await alice.type('links')).to.deep.include({ ok: true, links: [LINK], socket, network: seen })
    expect((await alice.read('links')).split('\n')).to.deep.equal([
      'bob relayed for 2 h: both routers give every destination another port; 192.0.2.7:9',
      '  RTT 20.5 ms, smallest unknown; 2.0 % of 1,000 packets lost (1 arrived after all)',
      '  1.57 MB sent, 900 B received, 1.50 MB of it through the server; path seen to carry 94 Mbit/s, unpaced',
      '  window 262 kB by bbr, 0 B in flight; datagrams of 1452 bytes; 1 key update',
      'Socket buffers: 213 kB to receive, 4.19 MB to send.',
      'Note: it is small.',
      'Network: your router shows everybody another port, so few can reach you directly (seen at 198.51.100.2:9).',
      '',
    ])
  })

  it('verify shows the number in groups and marks it', async () => {
    await openSession()
    expect(await alice.read('verify bob')).to.contain('    12345 12345 12345 12345\n')
    expect((await alice.type('verify bob --mark'))['devices']).to.deep.equal([
      { device: 'SHA256:device', number: '12345'.repeat(12), verified: true },
    ])
    expect(await alice.read('verify nobody')).to.contain('no number to compare')
  })

  it('active and inactive change how one is seen', async () => {
    expect(await alice.type('inactive')).to.include({ status: 'inactive' })
    expect(network.signedIn('alice')?.status).to.equal('inactive')
    expect(await alice.type('active')).to.include({ status: 'active' })
  })

  it('disconnect closes, and connect works again', async () => {
    expect(await alice.type('d')).to.include({ command: 'disconnect', ok: true, address: '127.0.0.1' })
    expect(await alice.type('users')).to.include({ code: 'MSG_ERR_NOT_CONNECTED' })
    expect(await alice.type('c 127.0.0.1')).to.include({ ok: true })
  })

  it('exit asks the session to end', async () => {
    expect(await alice.type('x')).to.deep.equal({ type: 'result', command: 'exit', ok: true })
    expect(alice.session.ended.aborted).to.equal(true)
  })

  it('a server that ends the connection is told, remembered, and commands say so', async () => {
    network.signedIn('alice')?.tell({ type: 'disconnected', reason: 'stopped' })
    await alice.eventually('disconnected')
    expect(await alice.type('users')).to.include({ code: 'MSG_ERR_NOT_CONNECTED' })
    expect(alice.session.failure?.code).to.equal('MSG_ERR_CONNECTION_CLOSED')
  })

  it('unknown commands are answered under their own word', async () => {
    expect(await alice.type('fly away')).to.include({ command: 'fly', ok: false, code: 'MSG_ERR_USAGE' })
    expect(await alice.type('room create')).to.include({ command: 'room create', code: 'MSG_ERR_USAGE' })
  })

  it('empty lines and comments get no answer', async () => {
    const before = alice.json.text
    await alice.type('')
    await alice.type('   ')
    await alice.type('# a comment')
    expect(alice.json.text).to.equal(before)
  })

  it('failures of text mode go to stderr with the hint', async () => {
    await alice.read('send hi')
    expect(alice.errors.text).to.equal('! no conversation is open\n  open <user> or enter <room> first\n')
  })
})

const LINK: LinkStatus = {
  user: 'bob',
  device: 'SHA256:device',
  path: 'relayed',
  why: 'dependent-both',
  explanation: 'both routers give every destination another port',
  since: new Date(Date.now() - 8_000_000).toISOString(),
  address: '192.0.2.7:9',
  rttMs: 20.5,
  loss: 0.02,
  bytesRelayed: 1_500_000,
  minRttMs: null,
  packetsSent: 1_000,
  packetsReceived: 50,
  packetsLost: 20,
  packetsSpurious: 1,
  bytesSent: 1_572_864,
  bytesReceived: 900,
  congestion: 'bbr',
  cwnd: 262_144,
  bytesInFlight: 0,
  datagramSize: 1_452,
  deliveryBps: 94_000_000,
  pacingBps: null,
  keyUpdates: 1,
}
