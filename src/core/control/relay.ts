import { seconds, type Duration, type Instant } from '../time/instant.ts'
import type { HostPort } from '../wire/address.ts'
import { MAX_RELAYED, RELAY_OVERHEAD, RELAYED } from '../wire/relay.ts'
import { ChannelUse, RelayAccounts, type RelayAccount, type RelayLimits } from './relay-accounts.ts'
import type { ConnectionId } from './state.ts'
import { TokenBucket } from '../time/token-bucket.ts'

/**
 * Why a datagram went nowhere:
 *
 * | value | |
 * |---|---|
 * | `size` | empty, or larger than an Ethernet's |
 * | `channel` | there is no such channel |
 * | `source` | it came from where neither end was seen lately |
 * | `nowhere` | the other end was seen nowhere lately |
 * | `unproven` | where the other end was seen, it has not said yet that it got what was sent there |
 * | `channel-rate`, `user-rate`, `server-rate` | more at once than is allowed |
 * | `quota` | the user's bytes of this day are used up |
 * | `full` | whoever is to get it takes no more at the moment |
 */
const RELAY_DROPS = [
  'size',
  'channel',
  'source',
  'nowhere',
  'unproven',
  'channel-rate',
  'user-rate',
  'server-rate',
  'quota',
  'full',
] as const
export type RelayDrop = (typeof RELAY_DROPS)[number]

/** One signed-in connection, as the relay knows it. */
export interface RelayEnd {
  readonly id: ConnectionId
  /** Where its token was last seen, in the system's own spelling. */
  readonly address: HostPort | undefined
  /** True while it is reached over TLS. */
  readonly hasLeg: boolean
}

/** What the relay did since it began. */
export interface RelayTotals {
  readonly datagrams: number
  readonly bytes: number
  readonly drops: Readonly<Record<RelayDrop, number>>
  readonly channels: number
  /** Channels that carried something in the last five minutes. */
  readonly inUse: number
  readonly legs: number
}

/** Of a relay that has done nothing. */
export const NO_TOTALS: RelayTotals = Object.freeze({
  datagrams: 0,
  bytes: 0,
  drops: noDrops(),
  channels: 0,
  inUse: 0,
  legs: 0,
})

/** A channel that carried something in the last five minutes. */
export interface ChannelReport {
  readonly users: readonly [string, string]
  /** What each of the two sent, bytes of UDP payload. */
  readonly bytes: readonly [number, number]
  /** Bytes a second in both directions, of the last seconds. */
  readonly rate: number
  readonly since: Instant
  readonly via: readonly ['udp' | 'tls', 'udp' | 'tls']
}

/**
 * Who gets a datagram that came in: the other end of its channel, or nobody.
 *
 * A channel belongs to two signed-in connections. What comes from where one of them was seen by its token within {@link SEEN_FOR}, or over
 * its leg, goes to where the other one was seen, or over its leg: nobody can name a target. A forged source reaches nobody but one of the two;
 * a token from a forged source, {@link UNPROVEN} bytes, until its owner says what only who is there was told. Rates are bounded for each channel, each user who sends and the whole server, bytes by a user's quota of the day.
 */
export class Relay {
  readonly #limits: RelayLimits
  readonly #accounts: RelayAccounts
  readonly #bucket: TokenBucket
  readonly #ends = new Map<ConnectionId, End>()
  /** By {@link channelKey}. */
  readonly #channels = new Map<number, Channel>()
  readonly #inUse = new Set<Channel>()
  readonly #drops = noDrops()
  #datagrams = 0
  #bytes = 0
  #legs = 0

  constructor(now: Instant, limits: RelayLimits) {
    this.#limits = limits
    this.#accounts = new RelayAccounts(limits)
    this.#bucket = new TokenBucket(now, {
      perSecond: limits.serverRate,
      burst: Math.min(limits.serverRate, SERVER_BURST),
    })
  }

  /** A connection signed in. @param user - canonical name. */
  enter(id: ConnectionId, user: string): void {
    const account = this.#accounts.enter(user)
    this.#ends.set(id, {
      id,
      account,
      address: undefined,
      seenAt: 0,
      isProven: false,
      unproven: undefined,
      hasLeg: false,
    })
  }

  /** A connection is not signed in any more; its channels were closed before. */
  leave(id: ConnectionId): void {
    const end = this.#ends.get(id)
    if (!end) return
    this.detach(id)
    this.#ends.delete(id)
    this.#accounts.leave(end.account)
  }

  /** The same process on a new connection, which has entered: channels and the address where it was seen are that one's now, but not the leg. */
  replace(older: ConnectionId, newer: ConnectionId): void {
    const [end, entered] = [this.#ends.get(older), this.#ends.get(newer)]
    if (!end || !entered) return
    this.detach(older)
    this.leave(newer)
    this.#ends.delete(older)
    end.id = newer
    this.#ends.set(newer, end)
  }

  /** @param name - 8 bytes in hex. @param ends - of connections that entered. */
  open(name: string, ends: readonly [ConnectionId, ConnectionId]): void {
    const [a, b] = [this.#ends.get(ends[0]), this.#ends.get(ends[1])]
    const bytes = Buffer.from(name, 'hex')
    const key = channelKey(bytes, 0)
    // Two names with one key: the later pair does without; what it sends is of no channel.
    if (!a || !b || this.#channels.has(key)) return
    this.#channels.set(key, { name, rest: restOf(bytes, 0), a, b, use: undefined })
  }

  close(name: string): void {
    const key = channelKey(Buffer.from(name, 'hex'), 0)
    const channel = this.#channels.get(key)
    if (channel?.name !== name) return
    this.#channels.delete(key)
    this.#inUse.delete(channel)
  }

  /** A datagram with that connection's token came from there. @param isProven - its owner gets what is sent there */
  see(now: Instant, id: ConnectionId, address: HostPort, isProven: boolean): void {
    const end = this.#ends.get(id)
    if (!end) return
    end.seenAt = now
    if (end.address?.port !== address.port || end.address.host !== address.host) {
      end.address = address
      end.isProven = false
    }
    end.isProven ||= isProven
  }

  /** From now on that connection is reached over TLS. */
  attach(id: ConnectionId): void {
    const end = this.#ends.get(id)
    if (!end || end.hasLeg) return
    end.hasLeg = true
    this.#legs++
  }

  detach(id: ConnectionId): void {
    const end = this.#ends.get(id)
    if (!end?.hasLeg) return
    end.hasLeg = false
    this.#legs--
  }

  /**
   * @param from - where it came from: an address, or the connection whose leg it was.
   * @returns who gets it, unchanged; `undefined` for nobody.
   */
  handle(now: Instant, from: HostPort | ConnectionId, datagram: Uint8Array): RelayEnd | undefined {
    const size = datagram.byteLength
    if (size <= RELAY_OVERHEAD || size > MAX_RELAYED || datagram[0] !== RELAYED) return this.#drop('size')
    const channel = this.#channels.get(channelKey(datagram, 1))
    if (!channel || channel.rest !== restOf(datagram, 1)) return this.#drop('channel')
    const { a, b } = channel
    const isFromA = isAt(a, now, from)
    if (!isFromA && !isAt(b, now, from)) return this.#drop('source')
    const [source, target] = isFromA ? [a, b] : [b, a]
    if (!target.hasLeg && !(target.address && now - target.seenAt <= SEEN_FOR)) return this.#drop('nowhere')
    const use = (channel.use ??= this.#use(now, channel))
    if (!target.hasLeg && !target.isProven) {
      target.unproven ??= new TokenBucket(now, { perSecond: UNPROVEN_RATE, burst: UNPROVEN })
      if (target.unproven.take(now, size) > 0) return this.#drop('unproven')
    }
    const cost = Math.max(size, LEAST_COST)
    if (use.bucket.take(now, cost) > 0) return this.#drop('channel-rate')
    const refusal = this.#accounts.take(now, source.account, size, cost)
    if (refusal) return this.#drop(refusal)
    if (this.#bucket.take(now, cost) > 0) return this.#drop('server-rate')
    this.#accounts.count(source.account, size)
    use.count(now, isFromA ? 0 : 1, size)
    this.#datagrams++
    this.#bytes += size
    return target
  }

  /** What {@link handle} has just given to somebody was not taken: it was sent, but not passed on. @param size - bytes */
  handleFull(size: number): void {
    this.#datagrams--
    this.#bytes -= size
    this.#drop('full')
  }

  /** Forgets what was idle for {@link IDLE}; call every few seconds. */
  sweep(now: Instant): void {
    for (const channel of this.#inUse) {
      if (channel.use && now - channel.use.usedAt < IDLE) continue
      channel.use = undefined
      this.#inUse.delete(channel)
    }
    this.#accounts.sweep(now, IDLE)
  }

  get totals(): RelayTotals {
    return {
      datagrams: this.#datagrams,
      bytes: this.#bytes,
      drops: { ...this.#drops },
      channels: this.#channels.size,
      inUse: this.#inUse.size,
      legs: this.#legs,
    }
  }

  /** The channels in use, busiest first. */
  report(now: Instant): ChannelReport[] {
    return [...this.#inUse]
      .flatMap(({ a, b, use }): ChannelReport[] => {
        if (!use) return []
        const { bytes, since } = use
        const via = [a.hasLeg ? 'tls' : 'udp', b.hasLeg ? 'tls' : 'udp'] as const
        return [{ users: [a.account.user, b.account.user], bytes: [...bytes], rate: use.rate(now), since, via }]
      })
      .sort((one, other) => other.rate - one.rate)
  }

  #use(now: Instant, channel: Channel): ChannelUse {
    this.#inUse.add(channel)
    return new ChannelUse(now, this.#limits.channelRate)
  }

  #drop(reason: RelayDrop): undefined {
    this.#drops[reason]++
  }
}

function noDrops(): Record<RelayDrop, number> {
  return Object.fromEntries(RELAY_DROPS.map((reason) => [reason, 0])) as Record<RelayDrop, number>
}

interface End {
  id: ConnectionId
  readonly account: RelayAccount
  address: HostPort | undefined
  seenAt: Instant
  /** What is sent to `address` is known to arrive at its owner. */
  isProven: boolean
  /** What may be sent to addresses that are not proven, all together. */
  unproven: TokenBucket | undefined
  hasLeg: boolean
}

interface Channel {
  readonly name: string
  /** What the key leaves out. */
  readonly rest: number
  a: End
  b: End
  /** `undefined` while idle. */
  use: ChannelUse | undefined
}

/** True when what came `from` there is that end's. */
function isAt(end: End, now: Instant, from: HostPort | ConnectionId): boolean {
  if (typeof from === 'number') return end.hasLeg && end.id === from
  const { address } = end
  return (
    address !== undefined && address.port === from.port && address.host === from.host && now - end.seenAt <= SEEN_FOR
  )
}

/** The first 48 bits of a channel's name: cheaper than a string, once for each datagram. */
function channelKey(bytes: Uint8Array, offset: number): number {
  const high = (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!
  const low = (bytes[offset + 3]! << 16) | (bytes[offset + 4]! << 8) | bytes[offset + 5]!
  return high * 0x100_0000 + low
}

/** The other 16 bits. */
function restOf(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 6]! << 8) | bytes[offset + 7]!
}

/** Specification: how long a datagram with the token says where its connection is. Clients ask every 25 s. */
const SEEN_FOR: Duration = seconds(60)
/** Specification: silence after which a channel counts as idle, and its bucket goes. */
const IDLE: Duration = seconds(300)
/** Specification: what goes to where a connection says it is before that is proven, bytes at once and a second; enough to begin links. */
const UNPROVEN = 16_384
const UNPROVEN_RATE = 256
/** Specification: what a datagram costs of each rate at least, bytes: passing on a small one is as much work. */
const LEAST_COST = 256
/** Implementation: what the whole server passes on at once, bytes; a receive buffer's worth. */
const SERVER_BURST = 4_194_304
