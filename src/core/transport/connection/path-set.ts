import { millis, seconds, type Duration, type Instant } from '../../time/instant.ts'
import type { PathCause, PathKind, SocketAddress } from '../endpoint-api.ts'
import { isSameAddress, pathKindOf, Rank } from '../socket-address.ts'
import { bestOf, PathTable, type KnownPath } from './path-table.ts'

/** A PATH_CHALLENGE or PATH_RESPONSE to send, and where to. */
export interface PathFrame {
  readonly kind: 'challenge' | 'response'
  readonly to: SocketAddress
  /** 8 bytes. */
  readonly token: Uint8Array
}

/** The link takes another path from now on. */
export interface Move {
  readonly to: SocketAddress
  readonly cause: PathCause
  /** Round trip of the challenge that showed it, microseconds; `undefined` when there was none. */
  readonly rtt: Duration | undefined
}

/** What a {@link PathSet} is made of. */
export interface PathSetInit {
  readonly isInitiator: boolean
  /** Returns that many random bytes. */
  readonly random: (length: number) => Uint8Array
  /** True for addresses on this machine or this network. */
  readonly isNear: (address: SocketAddress) => boolean
}

/**
 * The paths of one link: the one that is used, those that are tried because they would be better, and the relay to fall back to.
 *
 * A path is confirmed when a challenge was answered from where it was sent. The initiator takes the best confirmed one; the responder follows
 * what the initiator sends (RFC 9000 section 9 has the client do that). A path of which nothing comes back is doubted: everything then goes a
 * second time by another way, and the link moves there if only that answers.
 *
 * What goes to an address that has not answered is a few small packets (RFC 9000 section 8.2).
 */
export class PathSet {
  readonly #init: PathSetInit
  readonly #known: PathTable
  readonly #due: PathFrame[] = []
  readonly #moves: Move[] = []
  #active: KnownPath | undefined
  /** Where the newest packet came from, which is not where the link is: it moves as soon as that is proven. */
  #followed: KnownPath | undefined
  #cause: PathCause = 'first'
  #movedAt: Instant = -Infinity
  /** When something proved last that what is sent on the path arrives. */
  #trustedAt: Instant = -Infinity
  /** When the application last sent or got something. */
  #usedAt: Instant = -Infinity
  /** When the first heartbeat left that is unanswered, and when the next one is due. */
  #heartbeat: { readonly since: Instant; at: Instant } | undefined
  #doubt: { readonly since: Instant; at: Instant } | undefined
  /** Tokens of challenges from many sockets, by the socket's number, and when they were made. */
  readonly #guesses = new Map<number, Uint8Array>()
  #guessedAt: Instant = 0

  constructor(init: PathSetInit) {
    this.#init = init
    this.#known = new PathTable(init.isNear)
  }

  /** Which way datagrams take; 'direct' before there is one. */
  get kind(): PathKind {
    return pathKindOf(this.#active?.rank ?? Rank.v4)
  }

  get cause(): PathCause {
    return this.#cause
  }

  /** True while better paths are tried, and not only now and then. */
  get isSearching(): boolean {
    const active = this.#active
    return active !== undefined && this.#all.some(({ rank, attempts }) => rank < active.rank && attempts.isFirstSeries)
  }

  /** True while it is not known whether what is sent arrives. */
  get isDoubted(): boolean {
    return this.#doubt !== undefined
  }

  /** Where a copy of everything goes while the path is doubted; `undefined` when there is no doubt, or no other way. */
  get copyTo(): SocketAddress | undefined {
    if (!this.#doubt) return undefined
    const others = this.#others
    const relay = others.find(({ rank }) => rank === Rank.relay)
    return (relay ?? bestOf(others.filter(({ confirmedAt }) => confirmedAt !== undefined)))?.address
  }

  /** True for an address that is used, or has answered. */
  has(address: SocketAddress): boolean {
    const path = this.#known.get(address)
    return path !== undefined && (path === this.#active || path.confirmedAt !== undefined)
  }

  /** The handshake proved `address`: the link begins there. */
  open(now: Instant, address: SocketAddress): void {
    const path = this.#known.get(address) ?? this.#known.add(address, false)
    path.confirmedAt = now
    this.#active = path
    this.#trustedAt = now
    for (const each of this.#all) each.attempts.start(now)
  }

  /** Where the peer may be, as the server says, in place of what it said before: what has not answered is tried anew. */
  offer(now: Instant, candidates: readonly SocketAddress[]): void {
    const told = candidates.slice(0, MAX_TOLD)
    const isStill = (address: SocketAddress): boolean => told.some((each) => isSameAddress(each, address))
    for (const path of this.#others)
      if (path.isTold && path.address.socket === undefined && !isStill(path.address)) this.#known.delete(path)
    for (const address of told) {
      const path = this.#known.get(address) ?? this.#known.add(address, true)
      path.isTold = true
      if (this.#active && path.confirmedAt === undefined) path.attempts.start(now + OFFER_DELAY)
    }
    // A server that was started anew has another channel for the same two.
    const relay = this.#all.find(({ rank, address }) => rank === Rank.relay && isStill(address))
    if (relay && this.#active?.rank === Rank.relay && this.#active !== relay) {
      this.#known.delete(this.#active)
      this.#move(now, relay, 'moved', undefined)
    }
  }

  /** Challenges the peer at `to` from each of `count` sockets, numbered from 1 on: the path of the first that is answered is one like others. */
  guess(now: Instant, to: SocketAddress, count: number): void {
    if (!this.#active || this.#active.rank !== Rank.relay) return
    for (let socket = 1; socket <= count; socket++) {
      const token = this.#init.random(8)
      this.#guesses.set(socket, token)
      this.#guessedAt = now
      this.#due.push({ kind: 'challenge', to: { host: to.host, port: to.port, socket }, token })
    }
  }

  /** The newest packet came from `from`, and was not only about paths. */
  onNewest(now: Instant, from: SocketAddress): void {
    const active = this.#active
    if (!active || isSameAddress(from, active.address)) {
      this.#followed = undefined
      return
    }
    const path = this.#known.meet(now, from, this.#active)
    if (!path) return
    if (path.rank > active.rank) {
      // The peer may have lost the better path. Or this was on its way before both took that, or is a copy that came sooner from a peer in doubt:
      // were that a reason to doubt as well, each side's copies would keep the other's doubt alive.
      if (now - this.#movedAt > SETTLE && now - (active.confirmedAt ?? -Infinity) > SETTLE) this.#beginDoubt(now)
    } else if (path.rank === active.rank && this.#init.isInitiator && now - this.#movedAt <= SETTLE) {
      // The responder follows, and what it sent before is still on its way: did both follow each other, they would change places for ever.
      return
    } else if (path.confirmedAt !== undefined && now - path.confirmedAt <= FRESH) {
      this.#move(now, path, path.rank < active.rank ? 'confirmed' : 'moved', path.rtt)
    } else if (this.#followed !== path) {
      this.#followed = path
      path.attempts.start(now)
    }
  }

  /** The peer asks whether somebody is here: the answer goes where the question came from. */
  handleChallenge(now: Instant, from: SocketAddress, token: Uint8Array): void {
    if (this.#due.length < MAX_DUE) this.#due.push({ kind: 'response', to: from, token: Uint8Array.from(token) })
    const path = this.#known.meet(now, from, this.#active)
    // The way is open: the own question need not wait for its turn.
    if (path && this.#isWanted(path) && now - path.challengedAt > EAGER) path.attempts.at = now
  }

  handleResponse(now: Instant, from: SocketAddress, token: Uint8Array, pto: Duration): void {
    this.#handleGuess(from, token)
    const path = this.#known.get(from)
    const asked = path?.tokens.find((each) => Buffer.from(each.token).equals(token))
    const active = this.#active
    if (!path || !asked || !active) return
    path.tokens.length = 0
    path.confirmedAt = now
    path.rtt = now - asked.sentAt
    if (path !== active) path.attempts.stop()
    if (path === active) {
      if (!this.#doubt || asked.sentAt >= this.#doubt.since) this.#trust(now)
    } else if (path === this.#followed) {
      this.#move(now, path, path.rank < active.rank ? 'confirmed' : 'moved', path.rtt)
    } else if (path.rank < active.rank && this.#init.isInitiator) {
      this.#move(now, path, 'confirmed', path.rtt)
    } else this.#judge(now, pto)
  }

  /** What was sent on the path arrived. */
  onAcked(now: Instant): void {
    if (this.#doubt) return
    this.#trustedAt = now
    this.#heartbeat = undefined
  }

  /** The application's bytes came or go. */
  onUsed(now: Instant): void {
    this.#usedAt = now
  }

  /** The application's bytes are about to go. @returns true when the path was silent for so long that it is doubted now */
  onSending(now: Instant): boolean {
    this.#usedAt = now
    if (now - this.#trustedAt <= TRUST || this.#active?.rank === Rank.relay || this.#doubt) return false
    this.#beginDoubt(now)
    return this.#doubt !== undefined
  }

  /** @param count - probe timeouts in a row. */
  onProbeTimeout(now: Instant, count: number): void {
    if (count >= DOUBTFUL_PTOS) this.#beginDoubt(now)
  }

  /** This machine slept, or is on another network: nothing that was known of paths is worth much. */
  onNetworkChange(now: Instant): void {
    this.#trustedAt = -Infinity
    for (const path of this.#others) this.#retry(path, now)
  }

  /** @param pto - the path's probe timeout, microseconds. */
  handleTimeout(now: Instant, pto: Duration): void {
    const active = this.#active
    if (!active) return
    for (const path of this.#known) {
      if (!this.#isWanted(path) || now < path.attempts.at) continue
      if (!path.isTold && path.confirmedAt === undefined && path.attempts.count >= MAX_UNTOLD_ATTEMPTS)
        this.#known.delete(path)
      else this.#challenge(now, path)
    }
    if (this.#doubt) this.#pursueDoubt(now, this.#doubt, pto)
    else this.#beat(now, active, pto)
  }

  /** What is due now; call after {@link PathSet.handleTimeout}, until `undefined`. */
  pollFrame(): PathFrame | undefined {
    return this.#due.shift()
  }

  pollMove(): Move | undefined {
    return this.#moves.shift()
  }

  pollTimeout(): Instant {
    if (!this.#active) return Infinity
    let at = this.#due.length > 0 ? -Infinity : (this.#doubt?.at ?? this.#heartbeat?.at ?? this.#beatAt)
    for (const path of this.#known) if (path.attempts.at < at && this.#isWanted(path)) at = path.attempts.at
    return at
  }

  get #all(): KnownPath[] {
    return [...this.#known]
  }

  get #others(): KnownPath[] {
    return this.#all.filter((path) => path !== this.#active)
  }

  /** Whether a path is worth attempts: it would be better, or the peer is there. */
  #isWanted(path: KnownPath): boolean {
    if (!this.#active || path === this.#active) return false
    return path === this.#followed || (path.rank < this.#active.rank && path.confirmedAt === undefined)
  }

  /** One of many sockets got an answer: its path is asked like any other from here on, beginning with this answer. */
  #handleGuess(from: SocketAddress, token: Uint8Array): void {
    const guess = from.socket === undefined ? undefined : this.#guesses.get(from.socket)
    if (!guess || !Buffer.from(guess).equals(token) || this.#known.get(from)) return
    this.#guesses.clear()
    // Earlier finds were left: their sockets may be closed, and the router has forgotten them.
    for (const path of this.#others) if (path.address.socket !== undefined) this.#known.delete(path)
    this.#known.add(from, true).tokens.push({ token: guess, sentAt: this.#guessedAt })
  }

  #challenge(now: Instant, path: KnownPath): void {
    const token = this.#init.random(8)
    path.tokens.push({ token, sentAt: now })
    if (path.tokens.length > MAX_TOKENS) path.tokens.shift()
    path.challengedAt = now
    if (path.attempts.at !== Infinity) path.attempts.onMade(now)
    this.#due.push({ kind: 'challenge', to: path.address, token })
  }

  /** While there is a conversation, a path that would be missed is asked now and then whether it is still there. */
  #beat(now: Instant, active: KnownPath, pto: Duration): void {
    if (now < (this.#heartbeat?.at ?? this.#beatAt)) return
    this.#heartbeat ??= { since: now, at: now }
    if (now - this.#heartbeat.since >= patience(pto)) return this.#beginDoubt(now)
    this.#challenge(now, active)
    this.#heartbeat.at = now + Math.max(pto, HEARTBEAT_AGAIN)
  }

  get #beatAt(): Instant {
    const isIdle = this.#usedAt + CONVERSATION < this.#trustedAt + HEARTBEAT
    if (isIdle || this.#active?.rank === Rank.relay || this.#known.size < 2) return Infinity
    return this.#trustedAt + HEARTBEAT
  }

  #beginDoubt(now: Instant): void {
    if (this.#doubt) return
    this.#heartbeat = undefined
    if (this.#known.size >= 2) this.#doubt = { since: now, at: now }
  }

  #pursueDoubt(now: Instant, doubt: { readonly since: Instant; at: Instant }, pto: Duration): void {
    this.#judge(now, pto)
    if (this.#doubt !== doubt || now < doubt.at) return
    for (const path of this.#all) this.#challenge(now, path)
    doubt.at = now + Math.min(Math.max(pto, DOUBT_ROUND), MAX_DOUBT_ROUND)
  }

  /** A path that had its time, and another one that has answered meanwhile: the link moves. */
  #judge(now: Instant, pto: Duration): void {
    const doubt = this.#doubt
    if (!doubt || now - doubt.since < patience(pto)) return
    const answered = bestOf(this.#others.filter(({ confirmedAt = -Infinity }) => confirmedAt > doubt.since))
    if (answered) this.#move(now, answered, 'silent', answered.rtt)
  }

  #trust(now: Instant): void {
    this.#trustedAt = now
    this.#heartbeat = undefined
    this.#doubt = undefined
  }

  #move(now: Instant, path: KnownPath, cause: Move['cause'], rtt: Duration | undefined): void {
    const older = this.#active
    if (older && cause === 'silent') {
      older.failures = now - this.#movedAt > STEADY ? 0 : older.failures + 1
      this.#retry(older, now + Math.min(FIRST_PENALTY * 2 ** older.failures, MAX_PENALTY))
    }
    this.#active = path
    this.#followed = undefined
    this.#cause = cause
    this.#movedAt = now
    this.#trust(now)
    for (const each of this.#all) if (each !== older && each.rank < path.rank) this.#retry(each, now)
    this.#moves.push({ to: path.address, cause, rtt })
  }

  #retry(path: KnownPath, at: Instant): void {
    path.confirmedAt = undefined
    path.attempts.start(at)
  }
}

/** How long a path may be silent before another one that answers is taken. */
const patience = (pto: Duration): Duration => Math.min(Math.max(3 * pto, MIN_PATIENCE), MAX_PATIENCE)

const MIN_PATIENCE: Duration = seconds(1)
const MAX_PATIENCE: Duration = seconds(3)
/** Addresses that the server tells of, the relay's with them. */
const MAX_TOLD = 9
/** Challenges to an address that nobody told of. */
const MAX_UNTOLD_ATTEMPTS = 10
/** Answers that wait to be sent. */
const MAX_DUE = 16
/** As many as are under way at the fastest, over the longest round trip. */
const MAX_TOKENS = 16
/** Both sides are told of new addresses at about the same time, and open their routers first. */
const OFFER_DELAY: Duration = millis(200)
const EAGER: Duration = millis(50)
/** After a move, packets that were under way on the older path are no news. */
const SETTLE: Duration = seconds(1)
/** An answer this old is believed without asking again. */
const FRESH: Duration = seconds(30)
/** While there was something to say in the last 45 s, a silent path is asked after 3 s; a word that goes on a path silent for 6.5 s goes by another way, too. */
const HEARTBEAT: Duration = seconds(3)
const HEARTBEAT_AGAIN: Duration = millis(500)
const CONVERSATION: Duration = seconds(45)
const TRUST: Duration = seconds(6.5)
const DOUBTFUL_PTOS = 2
const DOUBT_ROUND: Duration = millis(100)
const MAX_DOUBT_ROUND: Duration = seconds(1)
/** A path that fell silent is tried again after this, and ever later when it does so again; one that held for a minute starts over. */
const FIRST_PENALTY: Duration = seconds(1)
const MAX_PENALTY: Duration = seconds(60)
const STEADY: Duration = seconds(60)
