import * as v from 'valibot'

/**
 * The control channel's vocabulary: every request, result and notification with its schema. Both ends
 * validate with these; a field that is not listed is dropped.
 *
 * @packageDocumentation
 */

/** A name as a user types it; canonical form and uniqueness are `wire/names.ts`'s business. */
const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(64))
/** 32 bytes in base64url without padding. */
const Key = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'not 32 bytes in base64url'))
/** 64 bytes in base64url without padding. */
const Signature = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{86}$/, 'not 64 bytes in base64url'))
/** 16 bytes in hex, made by `newInstance`; stable while it reconnects. */
const Instance = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'not 16 bytes in hex'))
const Port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
/** An IPv4 or IPv6 literal with its UDP port. */
const Address = v.object({ host: v.pipe(v.string(), v.maxLength(45)), port: Port })
/** What the server knows of an address; transport/endpoint-api.ts says what each means. */
const Candidate = v.object({ ...Address.entries, kind: v.optional(v.picklist(['host', 'open', 'observed', 'mapped'])) })
const MAX_CANDIDATES = 8
/** How a client's router maps its UDP socket; transport/rendezvous-client.ts says what each means. */
const Mapping = v.picklist(['none', 'endpoint-independent', 'dependent', 'unknown', 'blocked'])
const Password = v.pipe(v.string(), v.minLength(1), v.maxLength(1024))
const Room = Name
/** Opaque position of the next page; absent for the first page, null after the last. */
const Cursor = v.pipe(v.string(), v.maxLength(128))
const Next = v.nullable(Cursor)
const Reason = v.pipe(v.string(), v.maxLength(64))
const Empty = v.object({})
const Status = v.picklist(['active', 'inactive'])

/** Numbers what a plugin of the server asks a client, from 1 on. */
const Ask = v.pipe(v.number(), v.safeInteger(), v.minValue(1))

/** What a plugin says to its other half. */
const PluginMessage = v.object({
  plugin: v.pipe(v.string(), v.maxLength(32)),
  message: v.pipe(v.string(), v.maxLength(32)),
  payload: v.optional(v.unknown()),
})

const User = v.object({
  user: Name,
  /** `active` users can be opened; everybody else is `offline`, whether away or invisible. */
  status: v.picklist(['active', 'offline']),
  /** The account's name in 100.64.0.0/10. */
  virtualAddress: v.pipe(v.string(), v.maxLength(15)),
})

const SignedIn = v.object({
  user: Name,
  virtualAddress: v.pipe(v.string(), v.maxLength(15)),
  status: Status,
  /** Where to send the UDP rendezvous datagrams (on the host this TCP connection reached), and the token they carry. */
  udp: v.object({
    port: Port,
    /** Where the server answers them too, and does nothing else: two views tell what a NAT does. */
    probePort: v.optional(Port),
    /** The same at another address of the server. */
    probe: v.optional(Address),
    /** The server by the other family than this connection's. */
    across: v.optional(Address),
    token: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  }),
})

const SignInCommon = {
  user: Name,
  /** The device's Ed25519 public key. */
  device: Key,
  /** One run of a client of that device's. */
  instance: Instance,
  /** The device's, as {@link proveDevice} makes it. */
  signature: Signature,
  /** False for one-shot commands: such a connection is not listed, never rung and never introduced. */
  listening: v.boolean(),
  /** Somebody invisible who comes back stays so from the first moment, even when the server has forgotten; without it the server's knowledge stands. */
  status: v.optional(v.literal('inactive')),
}

const define = <P extends v.GenericSchema, R extends v.GenericSchema>(params: P, result: R) => ({ params, result })

/** Requests a client makes, by method name: the schema of `params` and of `result`. */
export const METHODS = {
  /** First request on every connection; anything else before it is refused. */
  hello: define(
    v.object({
      protocol: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)),
      agent: v.pipe(v.string(), v.maxLength(64)),
      plugins: v.optional(v.record(v.pipe(v.string(), v.maxLength(32)), v.number()), {}),
    }),
    v.object({
      protocol: v.number(),
      server: v.pipe(v.string(), v.maxLength(64)),
      version: v.pipe(v.string(), v.maxLength(32)),
      /** The server's clock, ISO 8601 in UTC. */
      time: v.optional(v.pipe(v.string(), v.maxLength(32))),
      plugins: v.record(v.string(), v.number()),
      /** npm packages of these plugins, `name@version`, where the server knows them: for people who lack one. */
      packages: v.optional(v.record(v.pipe(v.string(), v.maxLength(32)), v.pipe(v.string(), v.maxLength(256))), {}),
    }),
  ),
  /** Makes an account and signs in. */
  register: define(v.object({ ...SignInCommon, password: Password }), SignedIn),
  /** Signs in with the password and remembers the device key. */
  login: define(v.object({ ...SignInCommon, password: Password }), SignedIn),
  /** Signs in with the device key alone. */
  'login.device': define(v.object(SignInCommon), SignedIn),
  /** `leave` true ends what this user has open if this is their last connection; false just goes. */
  signout: define(v.object({ leave: v.boolean() }), Empty),
  /** The client's own interface addresses with its UDP port, how it is mapped, and a port that its router opened when asked. Again when they change. */
  'udp.hosts': define(
    v.object({
      addresses: v.pipe(v.array(Address), v.maxLength(MAX_CANDIDATES)),
      mapping: v.optional(Mapping),
      mapped: v.optional(Address),
    }),
    Empty,
  ),
  'users.list': define(
    v.object({ connected: v.optional(v.boolean(), false), after: v.optional(Cursor) }),
    v.object({ users: v.array(User), next: Next }),
  ),
  'rooms.list': define(
    v.object({ after: v.optional(Cursor) }),
    v.object({ rooms: v.array(v.object({ room: Room, owner: Name, members: v.number() })), next: Next }),
  ),
  'room.members': define(
    v.object({ room: Room, after: v.optional(Cursor) }),
    v.object({
      room: Room,
      owner: Name,
      /** `present` false: the member vanished and has not left; messages for them wait with their senders. */
      members: v.array(v.object({ user: Name, present: v.boolean() })),
      next: Next,
    }),
  ),
  'presence.set': define(v.object({ status: Status }), Empty),
  /** Answers with `user.active` notifications whenever `user` becomes active; at most 100 a connection. */
  'user.watch': define(v.object({ user: Name }), v.object({ user: Name, status: v.picklist(['active', 'offline']) })),
  /** `open` when both had asked or it was open already, else `ringing`: `session.opened` or `session.declined` follows. */
  'session.open': define(v.object({ user: Name }), v.object({ user: Name, state: v.picklist(['ringing', 'open']) })),
  'session.accept': define(v.object({ user: Name }), v.object({ user: Name })),
  'session.decline': define(
    v.object({ user: Name, reason: v.picklist(['declined', 'busy']) }),
    v.object({ user: Name }),
  ),
  /** Also takes back a request that still rings. */
  'session.close': define(v.object({ user: Name }), v.object({ user: Name })),
  'room.create': define(v.object({ room: Room }), v.object({ room: Room })),
  'room.enter': define(v.object({ room: Room }), v.object({ room: Room, owner: Name })),
  /** The owner hands over with `to`, or closes the room by leaving. */
  'room.leave': define(v.object({ room: Room, to: v.optional(Name) }), v.object({ room: Room, closed: v.boolean() })),
  'room.close': define(v.object({ room: Room }), v.object({ room: Room })),
  /** Asks for a link to the server itself, which the client then opens: the server answers its calls while this connection lasts. */
  'link.server': define(Empty, v.object({ instance: Instance, device: Key, port: Port })),
  /** A message of a plugin that both sides have. Its own schema and limit decide what `payload` may be, and what the answer. */
  plugin: define(PluginMessage, v.object({ payload: v.optional(v.unknown()) })),
  /** Answers a `plugin` notification that had an `ask`: with a payload, or with what went wrong. */
  'plugin.answer': define(
    v.object({
      plugin: v.pipe(v.string(), v.maxLength(32)),
      ask: Ask,
      payload: v.optional(v.unknown()),
      error: v.optional(
        v.object({ code: v.pipe(v.string(), v.maxLength(64)), detail: v.pipe(v.string(), v.maxLength(1024)) }),
      ),
    }),
    Empty,
  ),
} as const

/** Notifications a server sends, by method name. */
export const NOTIFICATIONS = {
  'session.request': v.object({ user: Name }),
  /** `present` false: the other user vanished; what is said waits in the outbox. Sent again, with true, on return. */
  'session.opened': v.object({ user: Name, present: v.boolean() }),
  'session.declined': v.object({ user: Name, reason: v.picklist(['declined', 'busy', 'timeout', 'gone']) }),
  /** `withdrawn`: a request that rang here was taken back or answered on another connection. */
  'session.closed': v.object({ user: Name, reason: v.picklist(['left', 'gone', 'withdrawn']) }),
  /** This user is a member, told to each of the user's connections at entering and at sign-in. */
  'room.entered': v.object({ room: Room, owner: Name }),
  'room.member': v.object({ room: Room, user: Name, change: v.picklist(['entered', 'left', 'away', 'back']) }),
  'room.owner': v.object({ room: Room, owner: Name }),
  /** The room is gone, or (`left`) this user left it on another connection. */
  'room.closed': v.object({ room: Room, reason: v.picklist(['closed', 'owner-left', 'left', 'expired']) }),
  /** Another connection with which this one shares a session or a room: link to it. Sent again when what it says changes. */
  'peer.introduced': v.object({
    instance: Instance,
    user: Name,
    device: Key,
    candidates: v.pipe(v.array(Candidate), v.maxLength(MAX_CANDIDATES)),
    /** How the other one says it is mapped. */
    mapping: v.optional(Mapping),
    /** The two connections' channel through the server's relay, 8 bytes in hex; absent where the server relays nothing. */
    channel: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/))),
  }),
  /** `left`: drop the link. `vanished`: its control connection broke; the link may live. */
  'peer.gone': v.object({ instance: Instance, reason: v.picklist(['left', 'vanished']) }),
  'user.active': v.object({ user: Name }),
  'server.closing': v.object({ reason: Reason }),
  /** `ask`: the client answers with `plugin.answer`. */
  plugin: v.object({ ...PluginMessage.entries, ask: v.optional(Ask) }),
} as const

/** Method name of a request. */
export type Method = keyof typeof METHODS
/** Validated parameters of request `M`. */
export type Params<M extends Method> = v.InferOutput<(typeof METHODS)[M]['params']>
/** What a caller passes for request `M`. */
export type ParamsInput<M extends Method> = v.InferInput<(typeof METHODS)[M]['params']>
/** Result of request `M`. */
export type Result<M extends Method> = v.InferOutput<(typeof METHODS)[M]['result']>
/** Name of a notification. */
export type Notification = keyof typeof NOTIFICATIONS
/** Parameters of notification `N`. */
export type NotificationParams<N extends Notification> = v.InferOutput<(typeof NOTIFICATIONS)[N]>

/** Version of the control protocol that this build speaks. */
export const CONTROL_PROTOCOL = 1
/** Largest line either side sends or accepts, in bytes, newline included. */
export const MAX_LINE = 65_536
