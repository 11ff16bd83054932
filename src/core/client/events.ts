import type { Facts } from '../plugins/scope-api.ts'
import type { TransferEvent } from '../transfers/api.ts'
import type { PathKind } from '../transport/endpoint-api.ts'
import type { MaybePathStatus } from './api.ts'

/** Everything a client tells; `type` names are those of the JSON contract. Times (`at`) are ISO 8601 in UTC. */
export type ClientEvent =
  | { type: 'connected'; server: string; address: string; fingerprint: string; firstUse: boolean }
  /** The server is gone; the next attempt comes in `delayMs`. Links go on meanwhile. */
  | { type: 'reconnecting'; attempt: number; delayMs: number; reason: string }
  | { type: 'disconnected'; reason: string }
  | { type: 'signed-in'; user: string; virtualAddress: string; restored: boolean }
  /** `with`: the other user of the session, null in a room. `own`: a copy of what this user wrote on another connection. */
  | {
      type: 'message'
      from: string
      text: string
      id: string
      at: string
      room: string | null
      with: string | null
      own: boolean
    }
  | { type: 'message.sent'; id: string; to: string; room: string | null }
  | { type: 'message.delivered'; id: string; to: string; room: string | null; latencyMs: number }
  | { type: 'session.request'; from: string }
  | { type: 'session.withdrawn'; from: string }
  | { type: 'session.opened'; with: string; present: boolean }
  /** `by`: this user ended it here, or the other side did. */
  | { type: 'session.closed'; with: string; reason: string; by: 'you' | 'them' }
  | { type: 'room.entered'; room: string; owner: string }
  | { type: 'room.joined'; room: string; user: string }
  | { type: 'room.left'; room: string; user: string }
  | { type: 'room.away'; room: string; user: string }
  | { type: 'room.back'; room: string; user: string }
  | { type: 'room.owner'; room: string; owner: string }
  | { type: 'room.closed'; room: string; reason: string }
  /** `moved`: an open link goes another way than `previous`, or the same to another address. `reason`: why it closed, '' otherwise. */
  | ({
      type: 'path'
      with: string
      state: 'open' | 'moved' | 'closed'
      previous: PathKind | null
      reason: string
    } & MaybePathStatus)
  /** A device of `with` that was never seen before, or (`changed`) beside ones that were. */
  | { type: 'peer.device'; with: string; device: string; changed: boolean }
  | TransferEvent
  /** What a plugin tells; `text` says it for people and may be '', `facts` for programs. */
  | { type: 'plugin'; plugin: string; name: string; text: string; facts: Facts }
  /** The server has a plugin that this client lacks, or has in version `here`; `install` is a command to type, where one is known. */
  | {
      type: 'plugin.missing'
      plugin: string
      version: number
      here: number | null
      package: string | null
      install: string | null
    }
  | { type: 'warning'; code: string; message: string }
