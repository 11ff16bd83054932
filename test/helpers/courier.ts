import { join } from 'node:path'
import type { ClientEvent } from '../../src/core/client/api.ts'
import { Courier } from '../../src/core/client/courier.ts'
import { Emitter } from '../../src/core/client/emitter.ts'
import type { Admission } from '../../src/core/client/inbox.ts'
import { Links } from '../../src/core/client/links.ts'
import { newDeviceKey } from '../../src/core/client/profile/profile.ts'
import { ProfileState } from '../../src/core/client/profile/state.ts'
import type { FakeEndpoint, FakeNetwork } from '../../src/core/testing/fake-endpoint.ts'

/** One side of a conversation without a server: profile, courier and links over a fake network. */
export class Correspondent {
  readonly user: string
  readonly instance: string
  readonly key = newDeviceKey()
  readonly state: ProfileState
  readonly courier: Courier
  readonly links: Links
  readonly endpoint: FakeEndpoint
  readonly events: ClientEvent[] = []
  admission: Admission = () => true

  constructor(network: FakeNetwork, dir: string, user: string, instance: string) {
    this.user = user
    this.instance = instance
    this.state = new ProfileState(join(dir, user))
    const emitter = new Emitter((mark) => this.courier.markSeen(mark))
    void this.#collect(emitter.events())
    const { device } = this.state.devices.meet(user, Buffer.from(this.key.publicKey).toString('base64url'), 1)
    this.courier = new Courier({
      state: this.state,
      emitter,
      self: { user, device },
      admission: (peer, message) => this.admission(peer, message),
    })
    this.endpoint = network.endpoint(instance)
    this.links = new Links({
      endpoint: this.endpoint,
      courier: this.courier,
      emitter,
      state: this.state,
      self: { user, instance },
      random: () => 0,
    })
  }

  /** As the server would: both learn of each other. */
  meet(other: Correspondent): void {
    for (const [one, two] of [
      [this, other],
      [other, this],
    ] as const) {
      one.links.introduce({
        instance: two.instance,
        user: two.user,
        device: Buffer.from(two.key.publicKey).toString('base64url'),
        candidates: [two.endpoint.address],
      })
    }
  }

  /** A session with `other` is open on this side. */
  talkTo(other: Correspondent): void {
    this.courier.outbox.openThread(other.user, `s:${other.user}`)
    this.courier.schedule()
  }

  texts(): string[] {
    return this.events.flatMap((event) => (event.type === 'message' ? [event.text] : []))
  }

  count(type: ClientEvent['type']): number {
    return this.events.filter((event) => event.type === type).length
  }

  /** Ends as a crash would: what was not seen stays unseen. */
  async crash(): Promise<void> {
    this.links.close()
    this.courier.close()
    await this.endpoint.close()
    this.state.close()
  }

  async #collect(events: AsyncIterable<ClientEvent>): Promise<void> {
    for await (const event of events) this.events.push(event)
  }
}

/** Turns of the event loop until `isDone`; fails after many. */
export async function turnsUntil(isDone: () => boolean, most = 20_000): Promise<void> {
  for (let turn = 0; !isDone(); turn++) {
    if (turn === most) throw new Error(`not done after ${most} turns of the event loop`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
