import { expect } from 'chai'
import * as v from 'valibot'
import { NOTIFICATIONS, type Notification } from '../../../src/core/control/methods.ts'
import { DirectoryLab, seconds } from '../../helpers/directory-lab.ts'

/**
 * Who hears what, and who hears nothing: each scenario names everything that every connection is told.
 *
 * Alice and Bob have two terminals each, Carol one, Dave a one-shot command; Eve is away.
 */
describe('control/notifications', () => {
  type Name = 'a1' | 'a2' | 'b1' | 'b2' | 'c1' | 'd0'
  const everHeard = new Set<string>()
  let lab: DirectoryLab
  let at: Record<Name, number>

  beforeEach(() => {
    lab = new DirectoryLab()
    at = {
      a1: lab.signIn('alice'),
      a2: lab.signIn('alice'),
      b1: lab.signIn('bob'),
      b2: lab.signIn('bob'),
      c1: lab.signIn('carol'),
      d0: lab.signIn('dave', { listening: false, observed: null }),
    }
    lab.forget()
  })

  /** Checks everything that was told since the last time; whoever is not named must have heard nothing. */
  const heard = (expected: Record<string, readonly string[]>, others: Record<string, number> = {}): void => {
    const found: Record<string, string[]> = {}
    for (const [name, id] of Object.entries({ ...at, ...others })) {
      const transcript = lab.heard(id)
      for (const line of transcript) everHeard.add(line)
      if (transcript.length > 0) found[name] = transcript
    }
    expect(found).to.deep.equal(expected)
    expect([...lab.told.keys()], 'told to connections that are not there').to.deep.equal([])
  }
  /** An open session of Alice and Bob. */
  const session = (): void => {
    lab.session(at.a1, at.b1, ['alice', 'bob'])
  }
  /** A room of Alice with Bob and Carol. */
  const room = (): void => {
    lab.ask(at.a1, 'room.create', { room: 'Lab' })
    lab.ask(at.b1, 'room.enter', { room: 'lab' })
    lab.ask(at.c1, 'room.enter', { room: 'lab' })
    lab.forget()
  }
  const introduced = (id: number, user: string): string =>
    `peer.introduced i${id} ${user} d-${user.toLowerCase()} [192.0.2.${id}:5000]`

  describe('sessions', () => {
    it('a request rings on every terminal of the other user', () => {
      lab.ask(at.a1, 'session.open', { user: 'bob' })
      heard({ b1: ['session.request Alice'], b2: ['session.request Alice'] })
    })

    it('a request by a one-shot rings the same', () => {
      lab.ask(at.d0, 'session.open', { user: 'carol' })
      heard({ c1: ['session.request Dave'] })
    })

    it('accepting tells all terminals of both, and introduces each to each', () => {
      lab.ask(at.a1, 'session.open', { user: 'bob' })
      lab.forget()
      lab.ask(at.b2, 'session.accept', { user: 'alice' })
      const toAlice = ['session.opened Bob true', introduced(at.b1, 'Bob'), introduced(at.b2, 'Bob')]
      const toBob = ['session.opened Alice true', introduced(at.a1, 'Alice'), introduced(at.a2, 'Alice')]
      heard({ a1: toAlice, a2: toAlice, b1: toBob, b2: toBob })
    })

    it('accepting what a one-shot asked opens a session with somebody who is not present', () => {
      lab.ask(at.d0, 'session.open', { user: 'carol' })
      lab.forget()
      lab.ask(at.c1, 'session.accept', { user: 'dave' })
      heard({ c1: ['session.opened Dave false'] })
    })

    it('asking back opens as accepting does', () => {
      lab.ask(at.a1, 'session.open', { user: 'carol' })
      lab.forget()
      lab.ask(at.c1, 'session.open', { user: 'alice' })
      const toAlice = ['session.opened Carol true', introduced(at.c1, 'Carol')]
      heard({
        a1: toAlice,
        a2: toAlice,
        c1: ['session.opened Alice true', introduced(at.a1, 'Alice'), introduced(at.a2, 'Alice')],
      })
    })

    it('opening what is open, and accepting what is accepted, tells nobody', () => {
      session()
      lab.ask(at.a2, 'session.open', { user: 'bob' })
      lab.ask(at.b2, 'session.accept', { user: 'alice' })
      heard({})
    })

    for (const reason of ['declined', 'busy'] as const) {
      it(`answering ${reason} tells every connection of the asker, and stops the other terminals ringing`, () => {
        lab.ask(at.a1, 'session.open', { user: 'bob' })
        lab.forget()
        lab.ask(at.b1, 'session.decline', { user: 'alice', reason })
        heard({
          a1: [`session.declined Bob ${reason}`],
          a2: [`session.declined Bob ${reason}`],
          b2: ['session.closed Alice withdrawn'],
        })
      })
    }

    it('a decline reaches the one-shot that asked', () => {
      lab.ask(at.d0, 'session.open', { user: 'carol' })
      lab.forget()
      lab.ask(at.c1, 'session.decline', { user: 'dave', reason: 'declined' })
      heard({ d0: ['session.declined Carol declined'] })
    })

    it('ringing too long tells both sides', () => {
      lab.ask(at.a1, 'session.open', { user: 'bob' })
      lab.forget()
      lab.pass(seconds(60))
      heard({
        a1: ['session.declined Bob timeout'],
        a2: ['session.declined Bob timeout'],
        b1: ['session.closed Alice withdrawn'],
        b2: ['session.closed Alice withdrawn'],
      })
    })

    it('taking a request back stops every ringing terminal and tells the asker’s other one', () => {
      lab.ask(at.a1, 'session.open', { user: 'bob' })
      lab.forget()
      lab.ask(at.a1, 'session.close', { user: 'bob' })
      heard({
        a2: ['session.closed Bob withdrawn'],
        b1: ['session.closed Alice withdrawn'],
        b2: ['session.closed Alice withdrawn'],
      })
    })

    it('a request ends when nobody is left to answer it', () => {
      lab.ask(at.a1, 'session.open', { user: 'carol' })
      lab.forget()
      lab.go(at.c1)
      heard({ a1: ['session.declined Carol gone'], a2: ['session.declined Carol gone'] })
    })

    it('a request ends when its asker has gone', () => {
      lab.ask(at.d0, 'session.open', { user: 'carol' })
      lab.ask(at.c1, 'session.open', { user: 'alice' })
      lab.forget()
      lab.go(at.c1, 'left')
      heard({
        a1: ['session.closed Carol withdrawn'],
        a2: ['session.closed Carol withdrawn'],
        d0: ['session.declined Carol gone'],
      })
    })

    it('closing tells everybody but the connection that asked, and parts the links', () => {
      session()
      lab.ask(at.a1, 'session.close', { user: 'bob' })
      const goneB = [`peer.gone i${at.b1} left`, `peer.gone i${at.b2} left`]
      const goneA = [`peer.gone i${at.a1} left`, `peer.gone i${at.a2} left`]
      heard({
        a1: goneB,
        a2: ['session.closed Bob left', ...goneB],
        b1: ['session.closed Alice left', ...goneA],
        b2: ['session.closed Alice left', ...goneA],
      })
    })

    it('a session of two who also share a room closes without parting their links', () => {
      session()
      room()
      lab.ask(at.a1, 'session.close', { user: 'bob' })
      heard({
        a2: ['session.closed Bob left'],
        b1: ['session.closed Alice left'],
        b2: ['session.closed Alice left'],
      })
    })
  })

  describe('comings and goings', () => {
    it('a terminal more is told what is open, rings and is shared, and the others only where it is', () => {
      session()
      room()
      lab.ask(at.c1, 'session.open', { user: 'alice' })
      lab.forget()
      const a3 = lab.signIn('alice')
      const news = [introduced(a3, 'Alice')]
      heard(
        {
          a1: news,
          a2: news,
          b1: news,
          b2: news,
          c1: news,
          a3: [
            'session.request Carol',
            'session.opened Bob true',
            'room.entered Lab Alice',
            introduced(at.a1, 'Alice'),
            introduced(at.a2, 'Alice'),
            introduced(at.b1, 'Bob'),
            introduced(at.b2, 'Bob'),
            introduced(at.c1, 'Carol'),
          ],
        },
        { a3 },
      )
    })

    it('one of two terminals that vanishes is told to those who are linked to it', () => {
      session()
      lab.go(at.a1)
      const gone = [`peer.gone i${at.a1} vanished`]
      heard({ a2: gone, b1: gone, b2: gone })
    })

    for (const how of ['left', 'signed-out'] as const) {
      it(`one of two terminals that goes (${how}) ends nothing`, () => {
        session()
        room()
        lab.go(at.a1, how)
        const gone = [`peer.gone i${at.a1} left`]
        heard({ a2: gone, b1: gone, b2: gone, c1: gone })
      })
    }

    it('a user whose last terminal vanishes is away, in sessions and rooms', () => {
      lab.session(at.c1, at.a1, ['carol', 'alice'])
      room()
      lab.go(at.c1)
      const gone = `peer.gone i${at.c1} vanished`
      const toAlice = [gone, 'session.opened Carol false', 'room.member Lab Carol away']
      heard({
        a1: toAlice,
        a2: toAlice,
        b1: [gone, 'room.member Lab Carol away'],
        b2: [gone, 'room.member Lab Carol away'],
      })
    })

    it('a user who comes back is back, in sessions and rooms', () => {
      lab.session(at.c1, at.a1, ['carol', 'alice'])
      room()
      lab.go(at.c1)
      lab.forget()
      const c2 = lab.signIn('carol')
      const toAlice = ['session.opened Carol true', 'room.member Lab Carol back', introduced(c2, 'Carol')]
      const toBob = ['room.member Lab Carol back', introduced(c2, 'Carol')]
      heard(
        {
          a1: toAlice,
          a2: toAlice,
          b1: toBob,
          b2: toBob,
          c2: [
            'session.opened Alice true',
            'room.entered Lab Alice',
            introduced(at.a1, 'Alice'),
            introduced(at.a2, 'Alice'),
            introduced(at.b1, 'Bob'),
            introduced(at.b2, 'Bob'),
          ],
        },
        { c2 },
      )
    })

    it('a user who leaves with the last terminal ends sessions and memberships', () => {
      lab.session(at.c1, at.a1, ['carol', 'alice'])
      room()
      lab.go(at.c1, 'left')
      const gone = `peer.gone i${at.c1} left`
      const toAlice = [gone, 'session.closed Carol left', 'room.member Lab Carol left']
      const toBob = [gone, 'room.member Lab Carol left']
      heard({ a1: toAlice, a2: toAlice, b1: toBob, b2: toBob })
    })

    it('an owner who leaves with the last terminal closes the room', () => {
      lab.ask(at.c1, 'room.create', { room: 'Hers' })
      lab.ask(at.a1, 'room.enter', { room: 'hers' })
      lab.forget()
      lab.go(at.c1, 'left')
      const toAlice = [`peer.gone i${at.c1} left`, 'room.closed Hers owner-left']
      heard({ a1: toAlice, a2: toAlice })
    })

    it('a user who does not come back loses sessions, memberships and rooms', () => {
      lab.session(at.c1, at.a1, ['carol', 'alice'])
      room()
      lab.ask(at.c1, 'room.create', { room: 'Hers' })
      lab.ask(at.b1, 'room.enter', { room: 'hers' })
      lab.go(at.c1)
      lab.forget()
      lab.pass(seconds(86_400))
      const toAlice = ['session.closed Carol gone', 'room.member Lab Carol left']
      const toBob = ['room.member Lab Carol left', 'room.closed Hers expired']
      heard({ a1: toAlice, a2: toAlice, b1: toBob, b2: toBob })
    })

    it('a one-shot comes and goes unheard, even with something open', () => {
      session()
      const a0 = lab.signIn('alice', { listening: false, observed: null })
      heard({}, { a0 })
      lab.go(a0, 'left')
      heard({}, { a0 })
    })

    it('a process that reconnects is told everything again, and nobody else anything', () => {
      session()
      const a3 = lab.signIn('alice', { instance: `i${at.a1}`, observed: null })
      heard(
        {
          a3: [
            'session.opened Bob true',
            introduced(at.a2, 'Alice'),
            introduced(at.b1, 'Bob'),
            introduced(at.b2, 'Bob'),
          ],
        },
        { a3 },
      )
      expect(lab.closed).to.deep.equal([at.a1])
    })

    it('a new address is told to those who are linked to it', () => {
      session()
      lab.see(at.a1, '198.51.100.7', 9)
      const moved = [`peer.introduced i${at.a1} Alice d-alice [198.51.100.7:9]`]
      heard({ a2: moved, b1: moved, b2: moved })
    })
  })

  describe('presence', () => {
    beforeEach(() => {
      lab.ask(at.a1, 'user.watch', { user: 'carol' })
      lab.ask(at.a1, 'user.watch', { user: 'eve' })
      lab.forget()
    })

    it('turning visible is told to the connection that watches, and to no other of its user', () => {
      lab.ask(at.c1, 'presence.set', { status: 'inactive' })
      heard({})
      lab.ask(at.c1, 'presence.set', { status: 'active' })
      heard({ a1: ['user.active Carol'] })
      lab.ask(at.c1, 'presence.set', { status: 'active' })
      heard({})
    })

    it('signing in is told once, however many terminals follow', () => {
      const e1 = lab.signIn('eve', { observed: null })
      heard({ a1: ['user.active Eve'] }, { e1 })
      const e2 = lab.signIn('eve', { observed: null })
      heard({}, { e1, e2 })
    })

    it('turning invisible does not end or hide what is open', () => {
      session()
      lab.ask(at.b1, 'presence.set', { status: 'inactive' })
      heard({})
      lab.go(at.b1)
      lab.go(at.b2)
      lab.forget()
      const b3 = lab.signIn('bob', { observed: null })
      heard(
        { a1: ['session.opened Bob true'], a2: ['session.opened Bob true'], b3: ['session.opened Alice true'] },
        { b3 },
      )
    })

    it('going is not told', () => {
      lab.go(at.c1, 'left')
      heard({})
    })
  })

  describe('rooms', () => {
    it('creating tells all terminals of the creator', () => {
      lab.ask(at.a1, 'room.create', { room: 'Lab' })
      heard({ a1: ['room.entered Lab Alice'], a2: ['room.entered Lab Alice'] })
    })

    it('entering tells the members, then all terminals of who enters, and introduces all', () => {
      lab.ask(at.a1, 'room.create', { room: 'Lab' })
      lab.forget()
      lab.ask(at.c1, 'room.enter', { room: 'LAB' })
      const toAlice = ['room.member Lab Carol entered', introduced(at.c1, 'Carol')]
      heard({
        a1: toAlice,
        a2: toAlice,
        c1: ['room.entered Lab Alice', introduced(at.a1, 'Alice'), introduced(at.a2, 'Alice')],
      })
    })

    it('entering by a one-shot is entering', () => {
      lab.ask(at.a1, 'room.create', { room: 'Lab' })
      lab.forget()
      lab.ask(at.d0, 'room.enter', { room: 'lab' })
      heard({ a1: ['room.member Lab Dave entered'], a2: ['room.member Lab Dave entered'] })
    })

    it('leaving tells the members and the leaver’s other terminals', () => {
      room()
      lab.ask(at.b1, 'room.leave', { room: 'lab' })
      const toOthers = ['room.member Lab Bob left', `peer.gone i${at.b1} left`, `peer.gone i${at.b2} left`]
      const goneToBob = [at.a1, at.a2, at.c1].map((id) => `peer.gone i${id} left`)
      heard({
        a1: toOthers,
        a2: toOthers,
        b1: goneToBob,
        b2: ['room.closed Lab left', ...goneToBob],
        c1: toOthers,
      })
    })

    it('handing over tells everybody of the new owner, then that the old one left', () => {
      room()
      lab.ask(at.a1, 'room.leave', { room: 'lab', to: 'carol' })
      const goneAlice = [`peer.gone i${at.a1} left`, `peer.gone i${at.a2} left`]
      const toOthers = ['room.owner Lab Carol', 'room.member Lab Alice left', ...goneAlice]
      const goneToAlice = [at.b1, at.b2, at.c1].map((id) => `peer.gone i${id} left`)
      heard({
        a1: ['room.owner Lab Carol', ...goneToAlice],
        a2: ['room.owner Lab Carol', 'room.closed Lab left', ...goneToAlice],
        b1: toOthers,
        b2: toOthers,
        c1: toOthers,
      })
    })

    for (const [reason, method] of [
      ['owner-left', 'room.leave'],
      ['closed', 'room.close'],
    ] as const) {
      it(`${method} by the owner tells everybody but the connection that asked: ${reason}`, () => {
        lab.ask(at.a1, 'room.create', { room: 'Lab' })
        lab.ask(at.c1, 'room.enter', { room: 'lab' })
        lab.forget()
        lab.ask(at.a1, method, { room: 'lab' })
        const toAlice = [`peer.gone i${at.c1} left`]
        heard({
          a1: toAlice,
          a2: [`room.closed Lab ${reason}`, ...toAlice],
          c1: [`room.closed Lab ${reason}`, `peer.gone i${at.a1} left`, `peer.gone i${at.a2} left`],
        })
      })
    }

    it('closing a room does not part those who share something else', () => {
      session()
      room()
      lab.ask(at.a1, 'room.close', { room: 'lab' })
      const all = [at.a1, at.a2, at.b1, at.b2]
      for (const id of all) {
        const gone = lab.heard(id).filter((line) => line.startsWith('peer.'))
        expect(gone).to.deep.equal([`peer.gone i${at.c1} left`])
      }
    })
  })

  it('tells nothing that a client would refuse', () => {
    const device = Buffer.alloc(32).toString('base64url')
    const strict = new DirectoryLab()
    const [alice, bob] = ['alice', 'bob'].map((user, i) =>
      strict.signIn(user, { device: device.slice(1) + 'AB'[i], instance: String(i).repeat(32) }),
    ) as [number, number]
    const outputs: Array<{ method: Notification; params: unknown }> = []
    const step = (act: () => void): void => {
      act()
      for (const output of strict.directory.pollOutputs()) if (output.kind === 'tell') outputs.push(output)
    }
    const ask = strict.directory
    step(() => ask.handleRequest(strict.now, alice, 'session.open', { user: 'bob' }))
    step(() => ask.handleRequest(strict.now, bob, 'session.accept', { user: 'alice' }))
    step(() => ask.handleRequest(strict.now, alice, 'room.create', { room: 'Lab' }))
    step(() => ask.handleRequest(strict.now, bob, 'room.enter', { room: 'lab' }))
    step(() => ask.handleRequest(strict.now, alice, 'user.watch', { user: 'bob' }))
    step(() => ask.handleRequest(strict.now, alice, 'room.leave', { room: 'lab', to: 'bob' }))
    step(() => ask.handleRequest(strict.now, bob, 'room.close', { room: 'lab' }))
    step(() => ask.handleRequest(strict.now, alice, 'session.close', { user: 'bob' }))
    step(() => ask.remove(strict.now, bob, 'vanished'))
    expect(outputs.length).to.be.above(10)
    for (const { method, params } of outputs)
      expect(v.safeParse(NOTIFICATIONS[method], params).issues, method).to.equal(undefined)
  })

  // Last: mocha runs the tests of a suite before the suites in it.
  describe('altogether', () => {
    it('tells only what the vocabulary has, and all of it', () => {
      const said = new Set([...everHeard].map((line) => line.split(' ')[0]))
      const known = Object.keys(NOTIFICATIONS).filter((method) => !['server.closing', 'plugin'].includes(method))
      expect([...said].sort()).to.deep.equal(known.sort())
      const reasons: Array<[Notification, string]> = [
        ['session.declined', 'reason'],
        ['session.closed', 'reason'],
        ['room.closed', 'reason'],
        ['room.member', 'change'],
        ['peer.gone', 'reason'],
      ]
      for (const [method, field] of reasons) {
        const schema = (NOTIFICATIONS[method].entries as Record<string, unknown>)[field]
        const { options } = schema as { options: readonly string[] }
        for (const option of options) {
          const isHeard = [...everHeard].some((line) => line.startsWith(`${method} `) && line.endsWith(` ${option}`))
          expect(isHeard, `${method} ${option}`).to.equal(true)
        }
      }
      for (const present of [true, false])
        expect([...everHeard].some((line) => /^session\.opened/.test(line) && line.endsWith(` ${present}`))).to.equal(
          true,
        )
    })
  })
})
