/** One change of what the directory keeps across restarts; users and rooms by their canonical names. Each may be applied twice. */
export type DirectoryWrite =
  /** @param since - milliseconds since the Unix epoch. */
  | { readonly op: 'session.put'; readonly users: readonly [string, string]; readonly since: number }
  | { readonly op: 'session.delete'; readonly users: readonly [string, string] }
  /** A new room, without members. */
  | { readonly op: 'room.put'; readonly room: string; readonly name: string; readonly owner: string }
  /** Takes effect only while `from` owns the room. */
  | { readonly op: 'room.owner'; readonly room: string; readonly from: string; readonly to: string }
  /** The room and its members. */
  | { readonly op: 'room.delete'; readonly room: string }
  | { readonly op: 'member.put'; readonly room: string; readonly user: string }
  | { readonly op: 'member.delete'; readonly room: string; readonly user: string }

/** What the directory starts from: the sum of all writes so far. */
export interface DirectorySnapshot {
  readonly sessions: ReadonlyArray<{ readonly users: readonly [string, string]; readonly since: number }>
  readonly rooms: ReadonlyArray<{
    readonly room: string
    readonly name: string
    readonly owner: string
    readonly members: readonly string[]
  }>
}
