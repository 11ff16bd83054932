const brand = Symbol.for('msg.error')

/** What the table says of one error code. */
export interface ErrorSpec {
  /** Sentence for people; `%s` takes the `detail` option. Says what happened and why. */
  readonly message: string
  /** What the user can do next; printed under the message. */
  readonly hint?: string
  /** Process exit status when this error ends a command (DESIGN: exit codes). */
  readonly exit: number
  /** Number a peer is told in CLOSE and in JSON-RPC errors. Only errors that a peer can cause have one. */
  readonly wire?: number
  /** True when trying again later, unchanged, can work. */
  readonly retryable?: boolean
}

/** Every error msg raises on purpose. `docs/ERRORS.md` is checked against this table by a test. */
export const ERRORS = {
  MSG_ERR_INTERNAL: {
    message: 'unexpected failure: %s',
    exit: 1,
    wire: 0x01,
    hint: 'run again with --debug and report it',
  },

  MSG_ERR_USAGE: { message: '%s', exit: 2, wire: 0x12, hint: 'see help' },
  MSG_ERR_CONFIG_INVALID: {
    message: 'configuration is invalid: %s',
    exit: 2,
    hint: 'msg config show tells where each value comes from',
  },
  MSG_ERR_PLUGIN_UNTRUSTED: {
    message: 'nobody is here to say that %s is trusted',
    exit: 2,
    hint: 'read above what it declares, then give --yes',
  },
  MSG_ERR_NAME_INVALID: {
    message: '%s is not a valid name',
    exit: 2,
    wire: 0x10,
    hint: '1 to 32 letters, digits, dots, underscores or hyphens',
  },
  MSG_ERR_SELF: { message: 'you cannot open a session with yourself', exit: 2, wire: 0x11 },
  MSG_ERR_MESSAGE_TOO_LONG: {
    message: 'the message is too long: %s',
    exit: 2,
    hint: 'a message holds at most 65,536 bytes of UTF-8; split it',
  },
  MSG_ERR_NO_CONVERSATION: { message: 'no conversation is open', exit: 2, hint: 'open <user> or enter <room> first' },
  MSG_ERR_NOT_CONNECTED: { message: 'not connected to a server', exit: 2, hint: 'connect <address> first' },
  MSG_ERR_OWNER_LEAVING: {
    message: 'you created %s, and leaving closes it for everybody',
    exit: 2,
    hint: 'leave --to <user> hands it over; leave --force closes it',
  },

  MSG_ERR_USER_UNKNOWN: {
    message: 'there is no user %s',
    exit: 3,
    wire: 0x20,
    hint: 'users lists everybody on this server',
  },
  MSG_ERR_ROOM_UNKNOWN: {
    message: 'there is no room %s',
    exit: 3,
    wire: 0x21,
    hint: 'rooms lists them; room create makes one',
  },
  MSG_ERR_SESSION_UNKNOWN: {
    message: 'there is no session with %s',
    exit: 3,
    wire: 0x22,
    hint: 'open <user> asks for one',
  },
  MSG_ERR_REQUEST_UNKNOWN: {
    message: 'no request from %s waits for an answer',
    exit: 3,
    wire: 0x23,
    hint: 'open <user> asks them',
  },
  MSG_ERR_PROFILE_UNKNOWN: {
    message: 'no sign-in is kept for %s',
    exit: 3,
    hint: 'msg client login --server <address> --user <name> signs in once and keeps it',
  },
  MSG_ERR_PLUGIN_UNKNOWN: { message: 'there is no plugin %s here', exit: 3, hint: 'msg plugins lists them' },
  MSG_ERR_TRANSFER_UNKNOWN: { message: 'there is no transfer %s', exit: 3, wire: 0x24 },
  MSG_ERR_FILE_UNKNOWN: { message: 'there is no file or folder %s', exit: 3, wire: 0x25, hint: 'check the path' },

  MSG_ERR_SIGN_IN_FAILED: { message: 'wrong user name or password', exit: 4, wire: 0x30 },
  MSG_ERR_SIGN_IN_REQUIRED: {
    message: 'sign in first',
    exit: 4,
    wire: 0x31,
    hint: 'login <user> <password>, or register <user> <password>',
  },
  MSG_ERR_SIGN_IN_DELAYED: {
    message: 'too many failed sign-ins: %s',
    exit: 4,
    wire: 0x32,
    retryable: true,
    hint: 'wait, then try again',
  },
  MSG_ERR_DEVICE_UNKNOWN: {
    message: 'the server does not know this device for %s',
    exit: 4,
    wire: 0x33,
    hint: 'sign in with the password once',
  },
  MSG_ERR_NOT_ROOM_OWNER: { message: 'only the owner may do that to %s', exit: 4, wire: 0x34 },
  MSG_ERR_NOT_ROOM_MEMBER: { message: 'you are not in the room %s', exit: 4, wire: 0x35, hint: 'enter <room> first' },
  MSG_ERR_SESSION_DECLINED: { message: '%s declined', exit: 4 },
  MSG_ERR_TRANSFER_DECLINED: { message: 'the other side declined %s', exit: 4, wire: 0x36 },
  MSG_ERR_SIGN_IN_DENIED: {
    message: 'the server does not let %s in',
    exit: 4,
    wire: 0x37,
    hint: "a rule of the server's says so; ask its owner",
  },
  MSG_ERR_DIRECTORY_ACCESS: {
    message: 'cannot use the directory: %s',
    exit: 4,
    hint: 'choose another with --data-dir, or correct its permissions',
  },

  MSG_ERR_SERVER_UNREACHABLE: {
    message: 'cannot reach the server at %s',
    exit: 5,
    retryable: true,
    hint: 'check the address and that msg server start is running there',
  },
  MSG_ERR_SERVER_NOT_RUNNING: {
    message: 'no server is running on %s',
    exit: 5,
    hint: 'msg server start runs one; --data-dir chooses which',
  },
  MSG_ERR_USER_OFFLINE: { message: '%s is not connected', exit: 5, wire: 0x40, retryable: true },
  MSG_ERR_CONNECTION_CLOSED: { message: 'the connection closed: %s', exit: 5, retryable: true },
  MSG_ERR_LINK_CLOSED: { message: 'the link closed: %s', exit: 5, retryable: true },
  MSG_ERR_SERVER_FULL: { message: 'the server is full: %s', exit: 5, wire: 0x41, retryable: true },
  MSG_ERR_STORAGE_FAILED: {
    message: 'nothing can be saved: %s',
    exit: 5,
    wire: 0x42,
    retryable: true,
    hint: 'nothing was changed; try again when there is room on that disk',
  },
  MSG_ERR_TRANSFER_NO_SPACE: {
    message: 'there is not enough space on the disk: %s',
    exit: 5,
    wire: 0x43,
    retryable: true,
    hint: 'make room and resume; what has arrived is kept',
  },
  MSG_ERR_PLUGIN_FETCH: {
    message: 'the package cannot be fetched: %s',
    exit: 5,
    retryable: true,
    hint: 'check the name and the network; what is not published installs from its file: msg plugins install ./<name>.tgz',
  },

  MSG_ERR_TIMEOUT: { message: 'no answer in time: %s', exit: 6, wire: 0x50, retryable: true },

  MSG_ERR_FINGERPRINT_CHANGED: {
    message: "the server's key has changed: %s",
    exit: 7,
    hint: 'somebody may be listening in, or the server was set up anew; ask its owner for the new fingerprint and pass it with --fingerprint',
  },
  MSG_ERR_FINGERPRINT_MISMATCH: {
    message: "the server's fingerprint is not the one you gave: %s",
    exit: 7,
    hint: "compare with what the server's owner sees in msg server status",
  },
  MSG_ERR_STORE_CORRUPT: {
    message: 'the database is damaged: %s',
    exit: 7,
    hint: 'restore it from a backup, or move it away to start empty',
  },
  MSG_ERR_PEER_IDENTITY: { message: 'the peer is not who the server said: %s', exit: 7, wire: 0x60 },
  MSG_ERR_TRANSFER_CHANGED: {
    message: 'the content changed while it was being sent: %s',
    exit: 7,
    wire: 0x61,
    hint: 'send it again when nothing writes to it any more',
  },
  MSG_ERR_TRANSFER_INTEGRITY: {
    message: 'what arrived is not what was promised: %s',
    exit: 7,
    wire: 0x62,
    hint: 'nothing of it was kept as a file; fetch it again, best from somebody else',
  },

  MSG_ERR_NOT_DELIVERED: {
    message: 'not delivered yet: %s',
    exit: 8,
    retryable: true,
    hint: 'it waits in the outbox and goes out when both of you are connected',
  },
  MSG_ERR_CANCELLED: { message: 'cancelled: %s', exit: 8 },
  MSG_ERR_TRANSFER_STOPPED: {
    message: 'the transfer was stopped: %s',
    exit: 8,
    wire: 0x63,
    retryable: true,
    hint: 'what has arrived is kept; it can be resumed',
  },

  MSG_ERR_NAME_TAKEN: { message: 'the name %s is taken', exit: 9, wire: 0x70, hint: 'choose another' },
  MSG_ERR_ROOM_TAKEN: { message: 'there is a room %s already', exit: 9, wire: 0x71, hint: 'enter <room> joins it' },
  MSG_ERR_SIGNED_IN: { message: 'already signed in as %s', exit: 9, wire: 0x72, hint: 'disconnect first' },
  MSG_ERR_USER_BUSY: { message: '%s is busy', exit: 9, retryable: true },
  MSG_ERR_PORT_IN_USE: {
    message: 'the port is in use: %s',
    exit: 9,
    hint: 'choose another with --port and --udp-port; 0 takes any free one',
  },
  MSG_ERR_DATA_DIR_BUSY: {
    message: 'the data directory is in use: %s',
    exit: 9,
    hint: 'stop that server first, or choose another with --data-dir',
  },
  MSG_ERR_TRANSFER_EXISTS: {
    message: 'there is a file %s already',
    exit: 9,
    hint: 'move it away, or choose another folder',
  },
  MSG_ERR_PLUGIN_TAKEN: {
    message: '%s',
    exit: 9,
    hint: 'nothing was changed; only one of the two can be there: msg plugins lists what is, msg plugins uninstall removes one',
  },

  MSG_ERR_PLUGIN_LOAD: {
    message: 'plugin could not be loaded: %s',
    exit: 10,
    hint: 'the rest works without it; msg plugins inspect <name> tells more, msg plugins uninstall <name> removes it',
  },
  MSG_ERR_PLUGIN_PACKAGE: {
    message: 'the package cannot be used: %s',
    exit: 10,
    hint: 'nothing was changed; what is wrong is in the package, so its author can mend it',
  },
  MSG_ERR_PLUGIN_API: {
    message: 'the plugin and this msg do not fit together: %s',
    exit: 10,
    hint: 'nothing was changed; update msg, or ask for a version of the plugin that is made for it',
  },
  MSG_ERR_PLUGIN_MISSING: {
    message: 'the other side does not offer %s',
    exit: 10,
    wire: 0x80,
    hint: 'that plugin is not installed there, not turned on, or of another version',
  },
  MSG_ERR_PLUGIN_FAILED: { message: 'the plugin failed: %s', exit: 10, wire: 0x81 },

  MSG_ERR_PROTOCOL: { message: 'the other side broke the protocol: %s', exit: 1, wire: 0x02 },
  MSG_ERR_LIMIT: { message: 'limit exceeded: %s', exit: 1, wire: 0x03 },
  MSG_ERR_VERSION: {
    message: 'protocol versions do not match: %s',
    exit: 1,
    wire: 0x04,
    hint: 'update the older side',
  },
  MSG_ERR_METHOD_UNKNOWN: { message: 'unknown method %s', exit: 1, wire: 0x05 },
} as const satisfies Record<`MSG_ERR_${string}`, ErrorSpec>

/** A code of the {@link ERRORS} table. */
export type ErrorCode = keyof typeof ERRORS

/** What a {@link MsgError} is built with. */
export interface MsgErrorOptions extends ErrorOptions {
  /** Fills `%s`. Never put secrets, keys or message text here: it reaches logs and terminals. */
  readonly detail?: string
}

/**
 * Every error msg throws on purpose.
 *
 * Branch on `code`, not on `message` or `instanceof`: a plugin may load its own copy of this module.
 */
export class MsgError extends Error {
  readonly code: ErrorCode
  /** What filled `%s`; '' when nothing did. */
  readonly detail: string
  readonly [brand] = true

  constructor(code: ErrorCode, options: MsgErrorOptions = {}) {
    super(
      ERRORS[code].message.replace('%s', () => options.detail ?? 'no detail'),
      options,
    )
    this.code = code
    this.detail = options.detail ?? ''
  }

  /** The table's row for this error. */
  get spec(): ErrorSpec {
    return ERRORS[this.code]
  }

  static is(value: unknown): value is MsgError {
    return typeof value === 'object' && value !== null && brand in value
  }

  /** Whatever was thrown: itself when it is one of these, else MSG_ERR_INTERNAL because of it. */
  static of(thrown: unknown): MsgError {
    return MsgError.is(thrown) ? thrown : new MsgError('MSG_ERR_INTERNAL', { detail: String(thrown), cause: thrown })
  }

  /** An error that was told by code and message, as an error again, with what was particular about it. */
  static told({ code, message }: { readonly code: string; readonly message: string }): MsgError {
    if (!isErrorCode(code)) return new MsgError('MSG_ERR_INTERNAL', { detail: message })
    const [before = '', after = ''] = ERRORS[code].message.split('%s')
    return new MsgError(code, { detail: message.slice(before.length, message.length - after.length) })
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'MsgError', configurable: true, writable: true })
  }
}

/** True when `value` is a code of the table: codes read from a peer are checked with it before use. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}
