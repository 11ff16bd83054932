/** What a message belongs to. In a session `user` is the other user, whoever wrote the message. */
export type Conversation =
  { readonly kind: 'session'; readonly user: string } | { readonly kind: 'room'; readonly room: string }

/** One string for one conversation, for maps and tables: `s:<user>` or `r:<room>`. */
export type ConversationKey = `s:${string}` | `r:${string}`

export function conversationKey(conversation: Conversation): ConversationKey {
  return conversation.kind === 'session' ? `s:${conversation.user}` : `r:${conversation.room}`
}

/** The inverse of {@link conversationKey}. */
export function conversationOf(key: ConversationKey): Conversation {
  const name = key.slice(2)
  return key.startsWith('r:') ? { kind: 'room', room: name } : { kind: 'session', user: name }
}

/** The user's or room's name. */
export function conversationName(conversation: Conversation): string {
  return conversation.kind === 'session' ? conversation.user : conversation.room
}
