/**
 * What `state.db` holds.
 *
 * - `history`: every message written or received here, once. `own`: 0 received, 1 written here, 2 a copy from another connection of
 *   the same user. `slot` is the process that wrote or first received it.
 * - `copies`: the same message received by another process of the profile.
 * - `slots`: up to which row of `history` and of `copies` a slot's messages were shown.
 * - `outbox`: messages that a user has yet to acknowledge.
 * - `transfers`: files on their way, until they are over.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE devices (
    device INTEGER PRIMARY KEY, user TEXT NOT NULL, key TEXT NOT NULL, first_seen INTEGER NOT NULL, verified_at INTEGER,
    UNIQUE (user, key)
  );
  CREATE TABLE contacts (user TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE slots (slot INTEGER PRIMARY KEY, seen INTEGER NOT NULL, seen_copy INTEGER NOT NULL);
  CREATE TABLE history (
    n INTEGER PRIMARY KEY, device INTEGER NOT NULL, id TEXT NOT NULL, conversation TEXT NOT NULL, sender TEXT NOT NULL,
    own INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL, slot INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX history_id ON history (device, id);
  CREATE TABLE copies (c INTEGER PRIMARY KEY, slot INTEGER NOT NULL, n INTEGER NOT NULL, UNIQUE (slot, n));
  CREATE TABLE outbox (
    slot INTEGER NOT NULL, recipient TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (slot, recipient, n)
  ) WITHOUT ROWID;
  `,
  // Rows of an index are in the order of their rowids, so a conversation is read from its newest message back.
  'CREATE INDEX history_conversation ON history (conversation);',
  `
  CREATE TABLE transfers (
    id TEXT NOT NULL, direction TEXT NOT NULL, user TEXT NOT NULL, slot INTEGER NOT NULL, offer BLOB NOT NULL, paths TEXT NOT NULL,
    state TEXT NOT NULL, PRIMARY KEY (id, direction, user)
  ) WITHOUT ROWID;
  `,
]
