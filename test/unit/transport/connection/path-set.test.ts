import { expect } from 'chai'
import type { SocketAddress } from '../../../../src/core/transport/endpoint-api.ts'
import { PathSet, type Move, type PathFrame } from '../../../../src/core/transport/connection/path-set.ts'
import { seededBytes, seededRandom } from '../../../helpers/random.ts'
import { ms, s } from '../../../helpers/time.ts'

const A = { host: '192.0.2.1', port: 1 }
const B = { host: '192.0.2.2', port: 1 }
const V6 = { host: '2001:db8::2', port: 1 }
const LAN = { host: '192.168.1.2', port: 1 }
const RELAY = { host: '203.0.113.2', port: 7_788, channel: '0011223344556677' }
const PTO = ms(100)

/** A set of paths and its clock; challenges are answered by those who are there. */
class Stage {
  now = 0
  readonly paths: PathSet
  readonly sent: PathFrame[] = []
  readonly moves: Move[] = []
  /** Who answers, a millisecond later. */
  readonly there = new Set<SocketAddress>()

  constructor(isInitiator = true) {
    this.paths = new PathSet({ isInitiator, random: seededBytes(seededRandom(1)), isNear: () => false })
  }

  pass(duration: number): this {
    for (const until = this.now + duration; this.now < until; this.now += ms(1)) this.drain()
    return this
  }

  drain(): this {
    this.paths.handleTimeout(this.now, PTO)
    for (let frame = this.paths.pollFrame(); frame; frame = this.paths.pollFrame()) {
      this.sent.push(frame)
      const isThere = [...this.there].some(({ host, port }) => host === frame!.to.host && port === frame!.to.port)
      if (frame.kind === 'challenge' && isThere) this.paths.handleResponse(this.now + ms(1), frame.to, frame.token, PTO)
    }
    for (let move = this.paths.pollMove(); move; move = this.paths.pollMove()) this.moves.push(move)
    return this
  }

  get path(): string {
    return `${this.paths.kind} ${this.paths.cause}`
  }

  to(address: SocketAddress): PathFrame[] {
    return this.sent.filter(({ to }) => to.host === address.host && to.port === address.port)
  }
}

/** A link that began through the relay, and may get better. */
function relayed(isInitiator: boolean, ...candidates: SocketAddress[]): Stage {
  const stage = new Stage(isInitiator)
  stage.paths.offer(0, [...candidates, RELAY])
  stage.paths.open(0, RELAY)
  return stage
}

/** A link on `A`, with a relay to fall back to. */
function direct(isInitiator = true): Stage {
  const stage = new Stage(isInitiator)
  stage.paths.offer(0, [A, RELAY])
  stage.paths.open(0, A)
  return stage
}

describe('transport/connection/path-set', () => {
  describe('looks for better paths', () => {
    it('and takes the first that answers, then only better ones: lan, then v6, then v4, then the relay', () => {
      const stage = relayed(true, B, V6, LAN)
      for (const each of [B, V6, LAN]) {
        stage.there.add(each)
        stage.pass(ms(300))
      }
      expect(stage.moves.map(({ to, cause, rtt }) => [to, cause, rtt])).to.deep.equal([
        [B, 'confirmed', ms(1)],
        [V6, 'confirmed', ms(1)],
        [LAN, 'confirmed', ms(1)],
      ])
      expect(stage.path).to.equal('lan confirmed')
    })

    it('and never takes a worse one while the one it has answers', () => {
      const stage = relayed(true, LAN, B)
      stage.there.add(LAN).add(B)
      stage.pass(s(10))
      expect(stage.moves.map(({ to }) => to).at(-1)).to.deep.equal(LAN)
      expect(stage.to(B).length).to.be.at.most(1)
    })

    it('as the responder, but leaves it to the initiator to take one', () => {
      const stage = relayed(false, B)
      stage.there.add(B)
      stage.pass(s(2))
      expect(stage.moves).to.deep.equal([])
      expect(stage.to(B), 'asked once, and confirmed').to.have.lengthOf(1)
      stage.paths.onNewest(stage.now, B)
      stage.drain()
      expect(stage.moves.map(({ to, cause }) => [to, cause])).to.deep.equal([[B, 'confirmed']])
    })

    it('for twelve seconds at first, then now and then, and says so', () => {
      const stage = relayed(true, B)
      expect(stage.paths.isSearching).to.equal(true)
      stage.pass(s(20))
      expect(stage.paths.isSearching).to.equal(false)
      expect(stage.to(B).length).to.be.within(26, 31)
      stage.there.add(B)
      stage.pass(s(31))
      expect(stage.path).to.equal('direct confirmed')
    })

    it('anew when the server tells of other addresses, a moment later, and forgets those it tells no more', () => {
      const stage = relayed(true, A).pass(s(60))
      stage.sent.length = 0
      stage.paths.offer(stage.now, [B, RELAY])
      stage.pass(ms(199))
      expect(stage.sent).to.deep.equal([])
      stage.pass(ms(300))
      expect(stage.to(B).length).to.be.above(2)
      expect(stage.to(A)).to.deep.equal([])
    })

    it('and believes no other token, nor an answer from elsewhere', () => {
      const stage = relayed(true, B).drain()
      const { token } = stage.to(B)[0]!
      stage.paths.handleResponse(
        ms(1),
        B,
        token.map((byte) => byte ^ 1),
        PTO,
      )
      stage.paths.handleResponse(ms(1), A, token, PTO)
      stage.paths.handleResponse(ms(1), RELAY, token, PTO)
      stage.drain()
      expect(stage.moves).to.deep.equal([])
      stage.paths.handleResponse(ms(1), B, token, PTO)
      expect(stage.drain().moves).to.have.lengthOf(1)
    })

    it('at most at nine addresses', () => {
      const many = Array.from({ length: 50 }, (_, i) => ({ host: '192.0.2.9', port: i + 1 }))
      const stage = new Stage()
      stage.paths.open(0, RELAY)
      stage.paths.offer(0, many)
      stage.pass(s(1))
      expect(new Set(stage.sent.map(({ to }) => to.port)).size).to.equal(9)
    })
  })

  describe('follows a peer', () => {
    it('to an address that nobody told of, once that has answered', () => {
      const stage = direct(false)
      stage.paths.onNewest(0, B)
      stage.drain()
      expect(stage.moves).to.deep.equal([])
      stage.there.add(B)
      stage.pass(ms(200))
      expect(stage.moves.map(({ to, cause }) => [to, cause])).to.deep.equal([[B, 'moved']])
    })

    it('but not when its newest packet comes from the old address again', () => {
      const stage = direct(false)
      stage.paths.onNewest(0, B)
      stage.paths.onNewest(0, A)
      stage.there.add(B)
      stage.pass(ms(500))
      expect(stage.moves).to.deep.equal([])
    })

    it('who asks from an address that nobody told of, as the initiator by asking back', () => {
      const stage = relayed(true)
      stage.paths.handleChallenge(0, B, new Uint8Array(8))
      stage.there.add(B)
      stage.drain()
      expect(stage.to(B).map(({ kind }) => kind)).to.deep.equal(['response', 'challenge'])
      expect(stage.path).to.equal('direct confirmed')
    })

    it('who asks very often by asking back now and then', () => {
      const stage = relayed(true, B)
      for (let i = 0; i < 400; i++) {
        stage.paths.handleChallenge(stage.now, B, new Uint8Array(8))
        stage.pass(ms(1))
      }
      expect(stage.to(B).filter(({ kind }) => kind === 'challenge').length).to.be.at.most(9)
    })

    it('with few and small packets to addresses that do not answer', () => {
      const stage = direct(false)
      for (let i = 0; i < 500; i++) {
        stage.paths.onNewest(stage.now, { host: '198.51.100.9', port: i + 1 })
        stage.pass(ms(100))
      }
      expect(stage.sent.filter(({ to }) => to.host === '198.51.100.9').length).to.be.at.most(8 * 10)
    })

    it('who asks from ever other addresses at four of them at most, and ten times', () => {
      const stage = relayed(true)
      const strangers = Array.from({ length: 5 }, (_, i) => ({ host: '198.51.100.9', port: i + 1 }))
      for (const each of strangers) stage.paths.handleChallenge(0, each, new Uint8Array(8))
      stage.pass(s(90))
      const asked = strangers.map((each) => stage.to(each).filter(({ kind }) => kind === 'challenge').length)
      expect(asked).to.deep.equal([0, 10, 10, 10, 10])
    })

    it('to an address that answered lately at once, and asks one that answered long ago', () => {
      for (const [after, count] of [
        [s(29), 1],
        [s(31), 0],
      ] as const) {
        const stage = relayed(false, B)
        stage.there.add(B)
        stage.pass(ms(10))
        stage.there.clear()
        stage.now += after
        stage.paths.onNewest(stage.now, B)
        stage.drain()
        expect(stage.moves, `after ${after} us`).to.have.lengthOf(count)
      }
    })

    it('and takes an answer once', () => {
      const stage = relayed(false, B).drain()
      const [asked] = stage.to(B)
      stage.paths.handleResponse(ms(1), B, asked!.token, PTO)
      stage.now = s(60)
      stage.paths.handleResponse(stage.now, B, asked!.token, PTO)
      stage.paths.onNewest(stage.now, B)
      expect(stage.drain().moves).to.deep.equal([])
    })

    it('and forgets no path that is in use, though the server tells of it no more', () => {
      const stage = direct()
      stage.paths.offer(s(1), [B, RELAY])
      expect(stage.paths.has(A)).to.equal(true)
      stage.paths.onNewest(s(2), A)
      stage.now = s(2)
      expect(stage.pass(s(1)).moves).to.deep.equal([])
    })

    it('and forgets none in use for newcomers either', () => {
      const stage = new Stage()
      stage.paths.open(0, A)
      for (let i = 1; i <= 6; i++) stage.paths.handleChallenge(0, { host: '198.51.100.9', port: i }, new Uint8Array(8))
      expect(stage.paths.has(A)).to.equal(true)
    })

    it('to the channel of a server that was started anew, without asking', () => {
      const stage = relayed(true, B)
      const channel = '8899aabbccddeeff'
      stage.paths.offer(s(1), [B, { ...RELAY, channel }])
      stage.drain()
      expect(stage.moves.map(({ to, cause }) => [to.channel, cause])).to.deep.equal([[channel, 'moved']])
    })
  })

  describe('guesses', () => {
    it('by challenging from many sockets, and takes the path of the one that is answered', () => {
      const stage = relayed(true, B)
      stage.paths.guess(0, B, 256)
      stage.drain()
      const asked = stage.sent.filter(({ to }) => to.socket !== undefined)
      expect(asked).to.have.lengthOf(256)
      const { to, token } = asked[41]!
      stage.paths.handleResponse(ms(30), { ...to, socket: 7 }, token, PTO)
      stage.paths.handleResponse(ms(30), { ...to, socket: 1_000 }, token, PTO)
      expect(stage.drain().moves).to.deep.equal([])
      stage.paths.handleResponse(ms(30), to, token, PTO)
      expect(stage.drain().moves).to.deep.equal([{ to: { ...B, socket: 42 }, cause: 'confirmed', rtt: ms(30) }])
    })

    it('again and again, and keeps the last one only of those that were found', () => {
      const stage = relayed(true, B)
      stage.there.add(RELAY)
      for (let i = 0; i < 10; i++) {
        stage.paths.guess(stage.now, B, 32)
        stage.drain()
        const { to, token } = stage.sent.findLast(({ to: { socket } }) => socket === i + 1)!
        stage.paths.handleResponse(stage.now + ms(1), to, token, PTO)
        stage.pass(ms(10))
        expect(stage.paths.kind).to.equal('direct')
        stage.paths.onProbeTimeout(stage.now, 2)
        stage.pass(s(2))
        expect(stage.paths.kind).to.equal('relayed')
      }
      stage.sent.length = 0
      stage.pass(s(70))
      const sockets = new Set(stage.sent.flatMap(({ to: { socket } }) => socket ?? []))
      expect([...sockets]).to.deep.equal([10])
    })

    it('not while there is anything better than the relay', () => {
      const stage = direct()
      stage.paths.guess(0, B, 256)
      expect(stage.drain().sent).to.deep.equal([])
    })
  })

  it('answers a challenge to where it came from, with a copy of its token, and keeps no more than sixteen', () => {
    const stage = direct()
    const token = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    for (let i = 0; i < 50; i++) stage.paths.handleChallenge(0, A, token)
    token.fill(0)
    const answers = stage.drain().sent.filter(({ kind }) => kind === 'response')
    expect(answers).to.have.lengthOf(16)
    expect([...answers[0]!.token]).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8])
  })

  describe('doubts a path', () => {
    it('after two probe timeouts: copies go to the relay, and the link goes there if only that answers for a second', () => {
      const stage = direct()
      stage.there.add(RELAY)
      stage.paths.onProbeTimeout(s(1), 1)
      expect(stage.paths.isDoubted).to.equal(false)
      stage.now = s(1)
      stage.paths.onProbeTimeout(stage.now, 2)
      expect(stage.paths.copyTo).to.deep.equal(RELAY)
      stage.pass(ms(999))
      expect(stage.moves).to.deep.equal([])
      stage.pass(ms(200))
      expect(stage.path).to.equal('relayed silent')
      expect(stage.paths.copyTo).to.equal(undefined)
    })

    it('no more when it answers, or stays with it while nothing else does', () => {
      const stage = direct()
      stage.paths.onProbeTimeout(0, 2)
      stage.pass(s(20))
      expect(stage.paths.isDoubted).to.equal(true)
      stage.there.add(A)
      stage.pass(s(2))
      expect(stage.paths.isDoubted).to.equal(false)
      expect(stage.moves).to.deep.equal([])
    })

    it('though an answer comes to what was asked before', () => {
      const stage = direct()
      stage.paths.onNetworkChange(0)
      stage.drain()
      const [asked] = stage.to(A)
      stage.paths.onProbeTimeout(ms(1), 2)
      stage.paths.handleResponse(ms(2), A, asked!.token, PTO)
      expect(stage.paths.isDoubted).to.equal(true)
    })

    it('not at all where there is no other way', () => {
      const stage = new Stage()
      stage.paths.open(0, A)
      stage.paths.onProbeTimeout(0, 5)
      expect(stage.paths.isDoubted).to.equal(false)
      expect(stage.paths.copyTo).to.equal(undefined)
    })

    it('that fell silent, and tries it again after ever longer pauses', () => {
      const stage = direct()
      stage.there.add(RELAY)
      const pauses: number[] = []
      for (let i = 0; i < 3; i++) {
        stage.there.delete(A)
        stage.paths.onProbeTimeout(stage.now, 2)
        stage.pass(s(1.2))
        expect(stage.path).to.equal('relayed silent')
        const left = stage.now
        stage.there.add(A)
        while (stage.paths.kind === 'relayed') stage.pass(ms(100))
        pauses.push(Math.round((stage.now - left) / s(1)))
      }
      expect(pauses).to.deep.equal([1, 2, 4])
    })

    it('in a conversation within 6.5 s of silence, and asks nothing of one that is idle', () => {
      const stage = direct()
      stage.there.add(RELAY)
      stage.pass(s(60))
      expect(stage.to(A), 'idle').to.deep.equal([])
      stage.paths.onAcked(stage.now)
      stage.paths.onUsed(stage.now)
      stage.pass(s(2.9))
      expect(stage.to(A), 'just heard').to.deep.equal([])
      stage.pass(s(3.6))
      expect(stage.path).to.equal('relayed silent')
    })

    it('that was silent for long, before the next word goes: it goes by the relay, too', () => {
      const stage = direct()
      stage.now = s(6)
      stage.paths.onSending(stage.now)
      expect(stage.paths.copyTo).to.equal(undefined)
      stage.now = s(7)
      stage.paths.onSending(stage.now)
      expect(stage.paths.copyTo).to.deep.equal(RELAY)
    })

    it('when the peer sends by the relay, but not for what was on its way at a move', () => {
      const stage = relayed(true, A)
      stage.there.add(A)
      stage.drain()
      expect(stage.path).to.equal('direct confirmed')
      stage.paths.onNewest(stage.now + ms(500), RELAY)
      expect(stage.paths.isDoubted).to.equal(false)
      stage.paths.onNewest(stage.now + s(2), RELAY)
      expect(stage.paths.isDoubted).to.equal(true)
    })
  })
})
