import { join } from 'node:path'
import type { ClientEvent } from '../../src/core/client/api.ts'
import { Courier } from '../../src/core/client/courier.ts'
import { Emitter } from '../../src/core/client/emitter.ts'
import type { Admission } from '../../src/core/client/inbox.ts'
import { ProfileState } from '../../src/core/client/profile/state.ts'
import type { SentMessage } from '../../src/core/client/api.ts'

/** Alice's courier with a profile on disk and no links but those that a test plays. */
export class LoneCourier {
  readonly state: ProfileState
  readonly courier: Courier
  readonly events: ClientEvent[] = []
  admission: Admission = () => true

  /** @param dir - where the profile is. @param isHeard - false: nobody takes its events. */
  constructor(dir: string, { isHeard = true } = {}) {
    this.state = new ProfileState(join(dir, 'alice'))
    const emitter = new Emitter((mark) => this.courier.markSeen(mark))
    if (isHeard) void this.#collect(emitter.events())
    this.courier = new Courier({
      state: this.state,
      emitter,
      self: { user: 'alice', device: 1 },
      admission: (peer, message) => this.admission(peer, message),
    })
  }

  send(text: string, to = 'bob'): Promise<SentMessage> {
    return this.courier.send(text, { kind: 'session', user: to }, [to])
  }

  /** What was told of one type. */
  told<T extends ClientEvent['type']>(type: T): Array<Extract<ClientEvent, { type: T }>> {
    return this.events.filter((event): event is Extract<ClientEvent, { type: T }> => event.type === type)
  }

  close(): void {
    this.courier.close()
    this.state.close()
  }

  async #collect(events: AsyncIterable<ClientEvent>): Promise<void> {
    for await (const event of events) this.events.push(event)
  }
}

/** Some turns of the event loop: enough for everything that needs no time. */
export async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
