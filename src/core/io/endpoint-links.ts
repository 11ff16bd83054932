import type { Instant } from '../time/instant.ts'
import type { Candidate, Link, LinkListener, PeerIdentity } from '../transport/endpoint-api.ts'
import type { EndpointEvent, EndpointMachine } from '../transport/endpoint.ts'
import type { LinkMachine } from '../transport/link-machine.ts'
import { MachineLink } from './machine-link.ts'

/** What {@link EndpointLinks} are built with. */
export interface EndpointLinksDeps {
  readonly machine: EndpointMachine
  readonly now: () => Instant
  /** The machine has something to send. */
  readonly onTouched: () => void
}

/** The links of an {@link EndpointMachine} as their owners see them, and who hears of those that others call. */
export class EndpointLinks {
  readonly #deps: EndpointLinksDeps
  readonly #links = new Map<LinkMachine, MachineLink>()
  readonly #listeners = new Map<string, LinkListener>()

  constructor(deps: EndpointLinksDeps) {
    this.#deps = deps
  }

  connect(peer: PeerIdentity, candidates: readonly Candidate[], listener: LinkListener): Link {
    const { machine, now } = this.#deps
    return this.#adopt(machine.connect(now(), peer, candidates), listener)
  }

  expect(peer: PeerIdentity, listener: LinkListener, candidates: readonly Candidate[] = []): void {
    this.#listeners.set(peer.instance, listener)
    this.#deps.machine.expect(peer)
    this.guide(peer.instance, candidates)
  }

  guide(instance: string, candidates: readonly Candidate[]): void {
    this.#deps.machine.guide(this.#deps.now(), instance, candidates)
    this.#deps.onTouched()
  }

  forget(instance: string): void {
    this.#listeners.delete(instance)
    this.#deps.machine.forget(instance)
  }

  /** Tells a link's owner what the machine says of it. */
  handleEvent({ link: machine, event }: Extract<EndpointEvent, { type: 'link' }>): void {
    const link = this.#links.get(machine) ?? this.#accept(machine)
    link?.tell(event)
    if (event.type === 'closed') this.#links.delete(machine)
  }

  /** Tells every peer that this side leaves. What that makes of the machine is to be drained. */
  close(): void {
    const { machine, now } = this.#deps
    for (const link of machine.links) {
      link.close(now(), 0, 'the other side left')
      machine.touch(link)
    }
  }

  #accept(machine: LinkMachine): MachineLink | undefined {
    const listener = this.#listeners.get(machine.peer.instance)
    return listener && this.#adopt(machine, listener)
  }

  #adopt(machine: LinkMachine, listener: LinkListener): MachineLink {
    const { now, onTouched } = this.#deps
    const link = new MachineLink(machine, listener, now, () => {
      this.#deps.machine.touch(machine)
      onTouched()
    })
    this.#links.set(machine, link)
    onTouched()
    return link
  }
}
