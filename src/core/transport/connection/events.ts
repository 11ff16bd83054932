import type { StreamEvent } from '../streams/stream-set.ts'

/** What happens on a connection: first `open`, last `closed`. */
export type ConnectionEvent = StreamEvent | { readonly type: 'open' } | ClosedEvent

/** The last event of a connection. */
export interface ClosedEvent {
  readonly type: 'closed'
  /** `unanswered`: the handshake got no answer; `idle`: the peer fell silent; `protocol`: it broke the rules. */
  readonly kind: 'local' | 'remote' | 'idle' | 'unanswered' | 'protocol'
  readonly code: number
  readonly reason: string
}
