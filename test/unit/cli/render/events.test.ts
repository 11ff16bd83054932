import { expect } from 'chai'
import { clientEventLines } from '../../../../src/cli/render/client-events.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import { serverEventLine } from '../../../../src/cli/render/server-events.ts'
import type { ClientEvent } from '../../../../src/core/client/api.ts'
import type { ServerEvent } from '../../../../src/core/server/api.ts'

const plain = palette(false)
const say = (event: ClientEvent): string => clientEventLines(event, plain).join('\n')
const at = new Date(2026, 0, 2, 3, 4).toISOString()
const message = { type: 'message', from: 'bob', text: 'hi', id: '0', at, room: null, with: 'bob', own: false } as const

describe('clientEventLines', () => {
  it('shows a message with its time and sender', () => {
    expect(say(message)).to.equal('03:04 bob: hi')
  })

  it('shows the room of a message, and that it is one of your own from elsewhere', () => {
    expect(say({ ...message, room: 'lobby' })).to.equal('03:04 #lobby bob: hi')
    expect(say({ ...message, own: true })).to.equal('03:04 you (elsewhere, to bob): hi')
  })

  it('indents the further lines of a message, so that none can pass for another message', () => {
    expect(say({ ...message, text: 'one\n03:05 carol: two' })).to.equal('03:04 bob: one\n      03:05 carol: two')
  })

  it('escapes what a terminal would obey', () => {
    const shown = say({ ...message, from: 'b\u009bob', text: '\u001b]0;owned\u0007\r\u202e' })
    expect(shown).not.to.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u)
  })

  it('shows the fingerprint at first use only', () => {
    const event = { type: 'connected', server: 'lab', address: 'a:1', fingerprint: 'SHA256:x' } as const
    expect(say({ ...event, firstUse: true }))
      .to.contain('SHA256:x')
      .and.to.contain('First time here')
    expect(say({ ...event, firstUse: false })).to.equal('Connected to lab at a:1.')
  })

  it('says when the next attempt comes', () => {
    const event = { type: 'reconnecting', attempt: 1, reason: 'gone' } as const
    expect(say({ ...event, delayMs: 2_400 })).to.equal('Server away; trying again in 2 s.')
    expect(say({ ...event, delayMs: 300 })).to.equal('Server away; trying again now.')
    const stopped = { ...event, reason: 'the server was stopped', delayMs: 300 }
    expect(say(stopped)).to.equal('The server was stopped; trying again now.')
  })

  it('says how to answer a request', () => {
    expect(say({ type: 'session.request', from: 'bob' })).to.equal('bob asks to talk: accept bob or decline bob')
  })

  it('says who ended a session, and why', () => {
    const event = { type: 'session.closed', with: 'bob', reason: 'left', by: 'them' } as const
    expect(say(event)).to.equal('bob left; the session is closed.')
    expect(say({ ...event, by: 'you' })).to.equal('You left bob; the session is closed.')
    expect(say({ ...event, reason: 'gone' })).to.equal('bob is gone; the session is closed.')
    expect(say({ ...event, reason: 'a\u0007' })).to.equal('bob ended the session: a\\u0007.')
  })

  it('says why something closed', () => {
    expect(say({ type: 'room.closed', room: 'lobby', reason: 'left' })).to.equal('You left #lobby.')
    expect(say({ type: 'room.closed', room: 'lobby', reason: 'owner-left' })).to.equal(
      '#lobby is closed: the owner left.',
    )
    expect(say({ type: 'disconnected', reason: 'closed' })).to.equal('')
    expect(say({ type: 'disconnected', reason: 'server stopped' })).to.equal('Disconnected: server stopped.')
  })

  it('leaves deliveries to the delivery watch', () => {
    const event = { id: '0', to: 'bob', room: null } as const
    expect(say({ type: 'message.delivered', ...event, latencyMs: 65_000 })).to.equal('')
    expect(say({ type: 'message.sent', ...event })).to.equal('')
  })

  it('says who comes and goes', () => {
    expect(say({ type: 'session.opened', with: 'bob', present: true })).to.equal('You and bob can talk.')
    expect(say({ type: 'session.opened', with: 'bob', present: false })).to.equal('bob is away; messages wait.')
    expect(say({ type: 'session.withdrawn', from: 'bob' })).to.equal('bob no longer asks.')
    expect(say({ type: 'room.joined', room: 'lobby', user: 'bob' })).to.equal('#lobby bob came in.')
    expect(say({ type: 'room.left', room: 'lobby', user: 'bob' })).to.equal('#lobby bob left.')
    expect(say({ type: 'room.away', room: 'lobby', user: 'bob' })).to.contain('is away')
    expect(say({ type: 'room.back', room: 'lobby', user: 'bob' })).to.contain('is back')
    expect(say({ type: 'room.owner', room: 'lobby', owner: 'bob' })).to.equal('#lobby belongs to bob now.')
  })

  it('says which path a link takes, and why it closed', () => {
    const event = { type: 'path', with: 'bob', ...RELAYED, previous: null, reason: '' } as const
    expect(say({ ...event, ...LAN, state: 'open' })).to.equal(
      'Linked to bob: lan 10.0.0.2:9, RTT 0.50 ms (same network).',
    )
    expect(say({ ...event, state: 'open' })).to.equal(
      'Linked to bob: relayed 203.0.113.2:7788 (a direct path is being looked for).',
    )
    expect(say({ ...event, ...LAN, state: 'moved', previous: 'relayed' })).to.equal(
      'Link to bob is lan now 10.0.0.2:9, RTT 0.50 ms (same network).',
    )
    expect(say({ ...event, state: 'closed', reason: 'idle' })).to.equal('Link to bob lost (idle).')
  })

  it('leaves another address of the same path to programs', () => {
    expect(say({ type: 'path', with: 'bob', ...LAN, state: 'moved', previous: 'lan', reason: '' })).to.equal('')
  })

  it('is silent about links that end with their conversation', () => {
    const closed = { type: 'path', with: 'bob', state: 'closed', ...LAN, previous: null } as const
    for (const reason of ['left', 'the other side left', 'vanished', 'closed'])
      expect(say({ ...closed, reason }), reason).to.equal('')
  })

  it('escapes everything that comes from others, whatever the event', () => {
    const x = '\u001b[2J\u009b\n\u202e'
    const events: ClientEvent[] = [
      { type: 'connected', server: x, address: x, fingerprint: x, firstUse: true },
      { type: 'reconnecting', attempt: 1, delayMs: 5_000, reason: x },
      { type: 'disconnected', reason: x },
      { type: 'signed-in', user: x, virtualAddress: x, restored: true },
      { ...message, from: x, room: x, own: false },
      { ...message, with: x, own: true },
      { type: 'session.request', from: x },
      { type: 'session.withdrawn', from: x },
      { type: 'session.opened', with: x, present: true },
      { type: 'session.opened', with: x, present: false },
      { type: 'session.closed', with: x, reason: x, by: 'them' },
      { type: 'session.closed', with: x, reason: x, by: 'you' },
      { type: 'room.entered', room: x, owner: x },
      ...(['room.joined', 'room.left', 'room.away', 'room.back'] as const).map((type) => ({ type, room: x, user: x })),
      { type: 'room.owner', room: x, owner: x },
      { type: 'room.closed', room: x, reason: x },
      { type: 'room.closed', room: x, reason: 'left' },
      { type: 'path', with: x, state: 'open', ...LAN, address: x, explanation: x, previous: null, reason: x },
      { type: 'path', with: x, state: 'moved', ...LAN, address: x, explanation: x, previous: 'relayed', reason: x },
      { type: 'path', with: x, state: 'closed', ...LAN, previous: null, reason: x },
      { type: 'peer.device', with: x, device: x, changed: true },
      { type: 'warning', code: 'MSG_ERR_LIMIT', message: x },
      { type: 'transfer.offered', id: 'ab', from: x, room: null, name: x, kind: 'folder', size: 1, files: 2 },
      { type: 'transfer.declined', id: 'ab', with: x, room: null, name: x },
      { type: 'transfer.withdrawn', id: 'ab', with: x, room: null, name: x },
      ...(['in', 'out'] as const).flatMap((direction): ClientEvent[] => {
        const facts = { id: 'ab', direction, with: x, room: null, name: x }
        return [
          { type: 'transfer.started', ...facts, size: 1 },
          { type: 'transfer.failed', ...facts, code: x, message: x },
          { type: 'transfer.blocked', ...facts, source: x, code: x, message: x },
          { type: 'transfer.checkpoint', ...facts, fraction: 0.5, bytes: 1, size: 2 },
          ...(['transfer.paused', 'transfer.continued', 'transfer.stopped'] as const).map((type) => ({
            type,
            ...facts,
            by: 'them' as const,
          })),
          {
            type: 'transfer.done',
            ...facts,
            bytes: 1,
            root: 'ff',
            lastByte: 1,
            seconds: 1,
            megabytesPerSecond: 1,
            path: x,
            via: 'lan',
            retransmits: 0,
            sources: 1,
          },
        ]
      }),
    ]
    for (const event of events)
      for (const line of clientEventLines(event, plain))
        expect(line, event.type).not.to.match(/[\u0000-\u001f\u007f-\u009f\u202e]/u)
  })

  it('warns of a device that was not there before', () => {
    const event = { type: 'peer.device', with: 'bob', device: 'SHA256:d' } as const
    expect(say({ ...event, changed: true }))
      .to.contain('SHA256:d')
      .and.to.contain('verify bob')
    expect(say({ ...event, changed: false })).to.equal('')
  })

  it('says nothing twice that the command has said', () => {
    expect(say({ type: 'room.entered', room: 'lobby', owner: 'bob' })).to.equal('')
    expect(say({ type: 'signed-in', user: 'bob', virtualAddress: 'x', restored: false })).to.equal('')
    expect(say({ type: 'signed-in', user: 'bob', virtualAddress: 'x', restored: true })).to.equal(
      'Signed in again as bob.',
    )
  })

  it('shows warnings', () => {
    expect(say({ type: 'warning', code: 'MSG_ERR_LIMIT', message: 'slow' })).to.equal('Warning: slow')
  })
})

describe('serverEventLine', () => {
  const lines: Array<[ServerEvent, string]> = [
    [{ type: 'registered', user: 'bob' }, 'bob registered.'],
    [{ type: 'signed-in', user: 'bob', address: '1.2.3.4:5' }, 'bob signed in from 1.2.3.4:5.'],
    [{ type: 'signed-out', user: 'bob', reason: 'left' }, 'bob signed out: left.'],
    [{ type: 'sign-in.failed', user: 'bob', address: '1.2.3.4:5' }, 'Sign-in as bob from 1.2.3.4:5 failed.'],
    [{ type: 'session.opened', users: ['alice', 'bob'] }, 'alice and bob talk.'],
    [{ type: 'session.closed', users: ['alice', 'bob'] }, 'alice and bob no longer talk.'],
    [{ type: 'room.created', room: 'lobby', owner: 'bob' }, 'bob made #lobby.'],
    [{ type: 'room.joined', room: 'lobby', user: 'bob' }, 'bob entered #lobby.'],
    [{ type: 'room.left', room: 'lobby', user: 'bob' }, 'bob left #lobby.'],
    [{ type: 'room.closed', room: 'lobby' }, '#lobby is closed.'],
    [{ type: 'refused', address: '1.2.3.4:5', reason: 'full' }, 'Refused 1.2.3.4:5: full.'],
    [{ type: 'storage.failed', reason: 'full' }, 'Nothing can be saved: full.'],
    [{ type: 'storage.recovered' }, 'Saving works again.'],
    [{ type: 'stopped' }, 'The server has stopped.'],
  ]
  for (const [event, line] of lines) {
    it(`says ${event.type}`, () => {
      expect(serverEventLine(event, plain)).to.equal(line)
    })
  }

  it('escapes names that failed to sign in, which anybody may choose', () => {
    expect(serverEventLine({ type: 'sign-in.failed', user: '\u001b[2J', address: 'a' }, plain)).not.to.contain('\u001b')
  })
})

const LAN = {
  path: 'lan',
  why: 'same-network',
  explanation: 'same network',
  since: '2026-01-02T03:04:05.678Z',
  address: '10.0.0.2:9',
  rttMs: 0.5,
  loss: 0,
  bytesRelayed: 0,
} as const
const RELAYED = {
  ...LAN,
  path: 'relayed',
  why: 'searching',
  explanation: 'a direct path is being looked for',
  address: '203.0.113.2:7788',
  rttMs: null,
} as const
