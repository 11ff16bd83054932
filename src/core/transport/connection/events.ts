import type { StreamEvent } from '../streams/stream-events.ts'

/** What happens on a connection: first `open`, last `closed`; `moved`: the peer is at another address now. */
export type ConnectionEvent = StreamEvent | { readonly type: 'open' } | { readonly type: 'moved' } | ClosedEvent

/** The last event of a connection. */
export interface ClosedEvent {
  readonly type: 'closed'
  /** `unanswered`: the handshake got no answer; `idle`: the peer fell silent; `protocol`: it broke the rules. */
  readonly kind: 'local' | 'remote' | 'idle' | 'unanswered' | 'protocol'
  readonly code: number
  readonly reason: string
}
