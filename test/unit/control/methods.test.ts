import { expect } from 'chai'
import * as v from 'valibot'
import {
  CONTROL_PROTOCOL,
  MAX_LINE,
  METHODS,
  NOTIFICATIONS,
  type Method,
  type Notification,
} from '../../../src/core/control/methods.ts'
import { encodeNotification, encodeRequest } from '../../../src/core/control/rpc.ts'

const NAME = 'n'.repeat(64)
const KEY = 'A'.repeat(43)
const INSTANCE = '0'.repeat(32)
const ADDRESS = { host: 'f'.repeat(45), port: 65_535 }
const SIGN_IN = { user: NAME, device: KEY, instance: INSTANCE, signature: 'A'.repeat(86), listening: true }
const PASSWORD = { ...SIGN_IN, password: 'p'.repeat(1_024) }

/** The largest parameters of each request that are still taken. */
const LARGEST: Record<Method, Record<string, unknown>> = {
  hello: { protocol: 65_535, agent: 'a'.repeat(64), plugins: { ['p'.repeat(32)]: 1 } },
  register: PASSWORD,
  login: PASSWORD,
  'login.device': SIGN_IN,
  signout: { leave: true },
  'udp.hosts': { addresses: Array.from({ length: 8 }, () => ADDRESS) },
  'users.list': { connected: true, after: 'c'.repeat(128) },
  'rooms.list': { after: 'c'.repeat(128) },
  'room.members': { room: NAME, after: 'c'.repeat(128) },
  'presence.set': { status: 'inactive' },
  'user.watch': { user: NAME },
  'session.open': { user: NAME },
  'session.accept': { user: NAME },
  'session.decline': { user: NAME, reason: 'busy' },
  'session.close': { user: NAME },
  'room.create': { room: NAME },
  'room.enter': { room: NAME },
  'room.leave': { room: NAME, to: NAME },
  'room.close': { room: NAME },
  'link.server': {},
  plugin: { plugin: 'p'.repeat(32), message: 'm'.repeat(32), payload: 'x'.repeat(61_438) },
  'plugin.answer': {
    plugin: 'p'.repeat(32),
    ask: Number.MAX_SAFE_INTEGER,
    payload: 'x'.repeat(61_438),
    error: { code: 'c'.repeat(64), detail: 'd'.repeat(1_024) },
  },
}

/** One step over each bound: the method, the field and a value that is refused. */
const REFUSED: ReadonlyArray<readonly [Method, string, unknown]> = [
  ['hello', 'protocol', -1],
  ['hello', 'protocol', 65_536],
  ['hello', 'protocol', 1.5],
  ['hello', 'protocol', '1'],
  ['hello', 'agent', 'a'.repeat(65)],
  ['hello', 'plugins', { ['p'.repeat(33)]: 1 }],
  ['hello', 'plugins', { p: '1' }],
  ['register', 'user', ''],
  ['register', 'user', 'n'.repeat(65)],
  ['register', 'user', 7],
  ['register', 'password', ''],
  ['register', 'password', 'p'.repeat(1_025)],
  ['register', 'password', undefined],
  ['login', 'device', 'A'.repeat(42)],
  ['login', 'device', 'A'.repeat(44)],
  ['login', 'device', `${'A'.repeat(42)}=`],
  ['login', 'instance', '0'.repeat(31)],
  ['login', 'instance', 'A'.repeat(32)],
  ['login', 'instance', '0'.repeat(33)],
  ['login', 'listening', 'yes'],
  ['login', 'listening', undefined],
  ['login.device', 'signature', 'A'.repeat(85)],
  ['login.device', 'signature', 'A'.repeat(87)],
  ['signout', 'leave', undefined],
  ['udp.hosts', 'addresses', Array.from({ length: 9 }, () => ADDRESS)],
  ['udp.hosts', 'addresses', [{ ...ADDRESS, host: 'f'.repeat(46) }]],
  ['udp.hosts', 'addresses', [{ ...ADDRESS, port: 0 }]],
  ['udp.hosts', 'addresses', [{ ...ADDRESS, port: 65_536 }]],
  ['udp.hosts', 'addresses', [{ ...ADDRESS, port: 1.5 }]],
  ['users.list', 'after', 'c'.repeat(129)],
  ['users.list', 'connected', 1],
  ['rooms.list', 'after', null],
  ['room.members', 'room', ''],
  ['room.members', 'room', undefined],
  ['presence.set', 'status', 'away'],
  ['user.watch', 'user', 'n'.repeat(65)],
  ['session.open', 'user', undefined],
  ['session.accept', 'user', ''],
  ['session.decline', 'reason', 'timeout'],
  ['session.close', 'user', []],
  ['room.create', 'room', 'n'.repeat(65)],
  ['room.enter', 'room', {}],
  ['room.leave', 'to', ''],
  ['room.leave', 'to', 'n'.repeat(65)],
  ['room.close', 'room', null],
  ['plugin', 'plugin', 'p'.repeat(33)],
  ['plugin', 'message', 'm'.repeat(33)],
  ['plugin', 'message', undefined],
  ['plugin.answer', 'plugin', 'p'.repeat(33)],
  ['plugin.answer', 'ask', 0],
  ['plugin.answer', 'ask', 1.5],
  ['plugin.answer', 'error', { code: 'c'.repeat(65), detail: '' }],
]

const isTaken = (method: Method, params: unknown): boolean => v.safeParse(METHODS[method].params, params).success

describe('control/methods', () => {
  for (const [method, params] of Object.entries(LARGEST) as Array<[Method, object]>) {
    it(`${method} takes the largest parameters there are, and they fit a line`, () => {
      expect(v.safeParse(METHODS[method].params, params).issues).to.equal(undefined)
      expect(Buffer.byteLength(encodeRequest('i'.repeat(64), method, params))).to.be.at.most(MAX_LINE)
    })
  }

  it('refuses whatever is one step over a bound', () => {
    for (const [method, field, value] of REFUSED) {
      const shown = `${method} ${field} ${JSON.stringify(value)?.slice(0, 40)}`
      expect(isTaken(method, { ...LARGEST[method], [field]: value }), shown).to.equal(false)
    }
  })

  it('has a bound that is tried for every method with parameters', () => {
    const tried = new Set(REFUSED.map(([method]) => method))
    const untried = (Object.keys(METHODS) as Method[]).filter((method) => !tried.has(method))
    expect(untried.filter((method) => Object.keys(LARGEST[method]).length > 0)).to.deep.equal([])
  })

  it('refuses parameters that are no object', () => {
    for (const method of Object.keys(METHODS) as Method[])
      for (const odd of [undefined, null, 7, 'x', true]) expect(isTaken(method, odd), method).to.equal(false)
  })

  it('drops what it does not know', () => {
    expect(v.parse(METHODS['room.close'].params, { room: 'lab', force: true, __proto__: { a: 1 } })).to.deep.equal({
      room: 'lab',
    })
  })

  it('fills in what may be left out', () => {
    expect(v.parse(METHODS['users.list'].params, {})).to.deep.equal({ connected: false })
    expect(v.parse(METHODS.hello.params, { protocol: 1, agent: '' })).to.deep.equal({
      protocol: 1,
      agent: '',
      plugins: {},
    })
    expect(v.parse(METHODS['room.leave'].params, { room: 'lab' })).to.deep.equal({ room: 'lab' })
  })

  it('counts astral letters as the two units they are, so that 32 of them fit', () => {
    expect(isTaken('room.create', { room: '𝔘'.repeat(32) })).to.equal(true)
    expect(isTaken('room.create', { room: '𝔘'.repeat(33) })).to.equal(false)
  })

  it('has notifications whose largest fit a line', () => {
    const largest: Record<Notification, Record<string, unknown>> = {
      'session.request': { user: NAME },
      'session.opened': { user: NAME, present: false },
      'session.declined': { user: NAME, reason: 'declined' },
      'session.closed': { user: NAME, reason: 'withdrawn' },
      'room.entered': { room: NAME, owner: NAME },
      'room.member': { room: NAME, user: NAME, change: 'entered' },
      'room.owner': { room: NAME, owner: NAME },
      'room.closed': { room: NAME, reason: 'owner-left' },
      'peer.introduced': { instance: INSTANCE, user: NAME, device: KEY, candidates: Array(8).fill(ADDRESS) },
      'peer.gone': { instance: INSTANCE, reason: 'vanished' },
      'user.active': { user: NAME },
      'server.closing': { reason: 'r'.repeat(64) },
      plugin: { plugin: 'p'.repeat(32), message: 'm'.repeat(32), payload: 'x'.repeat(61_438) },
    }
    for (const [method, params] of Object.entries(largest) as Array<[Notification, object]>) {
      expect(v.safeParse(NOTIFICATIONS[method], params).issues, method).to.equal(undefined)
      expect(Buffer.byteLength(encodeNotification(method, params)), method).to.be.at.most(MAX_LINE)
      for (const field of Object.keys(params).filter((name) => name !== 'payload')) {
        const without = { ...params, [field]: undefined }
        expect(v.safeParse(NOTIFICATIONS[method], without).success, `${method} without ${field}`).to.equal(false)
      }
    }
  })

  it('keeps its version and its line as PROTOCOL.md has them', () => {
    expect([CONTROL_PROTOCOL, MAX_LINE]).to.deep.equal([1, 65_536])
  })
})
