/** What happened, for the server's console; names as registered. */
export type DirectoryEvent =
  | { readonly type: 'signed-in'; readonly user: string; readonly address: string }
  | { readonly type: 'signed-out'; readonly user: string; readonly reason: string }
  | { readonly type: 'session.opened' | 'session.closed'; readonly users: readonly [string, string] }
  | { readonly type: 'room.created'; readonly room: string; readonly owner: string }
  | { readonly type: 'room.joined' | 'room.left'; readonly room: string; readonly user: string }
  | { readonly type: 'room.closed'; readonly room: string }
