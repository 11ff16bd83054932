import type { Facts } from '../plugins/scope-api.ts'

/** What a server tells as it happens; shown by the console and `--json`. */
export type ServerEvent =
  | { type: 'registered'; user: string }
  | { type: 'signed-in'; user: string; address: string }
  | { type: 'signed-out'; user: string; reason: string }
  | { type: 'sign-in.failed'; user: string; address: string }
  | { type: 'session.opened'; users: readonly [string, string] }
  | { type: 'session.closed'; users: readonly [string, string] }
  | { type: 'room.created'; room: string; owner: string }
  | { type: 'room.joined'; room: string; user: string }
  | { type: 'room.left'; room: string; user: string }
  | { type: 'room.closed'; room: string }
  | { type: 'refused'; address: string; reason: string }
  /** The database cannot be used: what clients ask that would have to be kept is refused until it can. */
  | { type: 'storage.failed'; reason: string }
  | { type: 'storage.recovered' }
  /** What a plugin tells; `text` says it for people, `facts` for programs. Its `name` is `fault` when the plugin itself failed. */
  | { type: 'plugin'; plugin: string; name: string; text: string; facts: Facts }
  | { type: 'stopped' }
