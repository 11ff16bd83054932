import * as v from 'valibot'

/** Requests on the admin socket, by method name: the schema of their parameters. Results are those of {@link ServerAdmin}. */
export const ADMIN_METHODS = {
  users: v.object({ connected: v.optional(v.boolean(), false) }),
  sessions: v.object({}),
  rooms: v.object({}),
  members: v.object({ room: v.pipe(v.string(), v.maxLength(64)) }),
  relays: v.object({}),
  status: v.object({}),
  /** Answered before the server stops. */
  stop: v.object({}),
} as const

/** Name of an admin method. */
export type AdminMethod = keyof typeof ADMIN_METHODS

/** Largest line on the admin socket, bytes: room for every user of a full server. The socket's file mode says who may connect. */
export const MAX_ADMIN_LINE = 67_108_864
