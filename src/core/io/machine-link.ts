import { MsgError } from '../errors.ts'
import type { Instant } from '../time/instant.ts'
import type { ConnectionEvent } from '../transport/connection/events.ts'
import type { Link, LinkListener, LinkStats, PeerIdentity } from '../transport/endpoint-api.ts'
import type { LinkMachine } from '../transport/link-machine.ts'

/** A {@link LinkMachine} as its owner sees it. */
export class MachineLink implements Link {
  readonly #machine: LinkMachine
  readonly #listener: LinkListener
  readonly #now: () => Instant
  readonly #touch: () => void

  /** @param touch - it has something to send now. */
  constructor(machine: LinkMachine, listener: LinkListener, now: () => Instant, touch: () => void) {
    this.#machine = machine
    this.#listener = listener
    this.#now = now
    this.#touch = touch
  }

  get peer(): PeerIdentity {
    return this.#machine.peer
  }

  get state(): 'connecting' | 'open' | 'closed' {
    return this.#machine.state
  }

  get isInitiator(): boolean {
    return this.#machine.isInitiator
  }

  openStream(priority: number): number {
    return this.#machine.openStream(priority)
  }

  write(stream: number, bytes: Uint8Array): number {
    const taken = this.state === 'open' ? (this.#machine.connection?.streams.write(stream, bytes) ?? 0) : 0
    if (taken > 0) this.#touch()
    return taken
  }

  finish(stream: number): void {
    this.#machine.connection?.streams.finish(stream)
    this.#touch()
  }

  setPriority(stream: number, priority: number): void {
    this.#machine.connection?.streams.setPriority(stream, priority)
  }

  reset(stream: number, code: number): void {
    this.#machine.connection?.streams.reset(stream, checkedCode(code))
    this.#touch()
  }

  stop(stream: number, code: number): void {
    this.#machine.connection?.streams.stop(this.#now(), stream, checkedCode(code))
    this.#touch()
  }

  pause(stream: number): void {
    this.#machine.connection?.streams.pause(stream)
  }

  resume(stream: number): void {
    this.#machine.connection?.streams.resume(this.#now(), stream)
    this.#touch()
  }

  probe(): void {
    this.#machine.connection?.probe(this.#now())
    this.#touch()
  }

  stats(): LinkStats {
    return this.#machine.stats()
  }

  close(code = 0, reason = ''): void {
    this.#machine.close(this.#now(), code, reason)
    this.#touch()
  }

  /** Passes what the machine says on to the owner. */
  tell(event: ConnectionEvent): void {
    switch (event.type) {
      case 'open':
        return this.#listener.onOpen(this)
      case 'data':
        return this.#listener.onData(this, event.stream, event.bytes, event.fin)
      case 'moved':
        return this.#listener.onMoved?.(this)
      case 'reset':
        return this.#listener.onReset?.(this, event.stream, event.code)
      case 'stop':
        return this.#listener.onStop?.(this, event.stream, event.code)
      case 'writable':
        return this.#listener.onWritable(this, event.stream)
      case 'closed':
        return this.#listener.onClosed(this, event)
    }
  }
}

/** The wire has room for no other numbers, and would say so only when the packet is written. */
function checkedCode(code: number): number {
  if (Number.isSafeInteger(code) && code >= 0) return code
  throw new MsgError('MSG_ERR_USAGE', { detail: `${code} is no code for the end of a stream` })
}
