import type { ChatMessage } from '../chat/frames.ts'
import type { DeviceKey } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import type { LinkEndpoint } from '../transport/endpoint-api.ts'
import type { NetworkStatus } from './api.ts'
import { Courier } from './courier.ts'
import type { ClientDeps } from './deps.ts'
import type { Emitter } from './emitter.ts'
import { Links } from './links.ts'
import type { MapPort } from './mapped-port.ts'
import type { Peer } from './peer.ts'
import { ProfileState } from './profile/state.ts'
import type { SignedIn } from './sign-in.ts'
import type { TransferEvent } from '../transfers/api.ts'
import { Transfers } from '../transfers/transfers.ts'
import { Reach, udpAddressOf } from './reach.ts'
import type { Uplink } from './uplink.ts'

/** What an {@link Account} is opened with. */
export interface AccountOptions {
  readonly user: string
  readonly key: DeviceKey
  readonly instance: string
  /** The profile's directory. */
  readonly dir: string
  /** Undefined where this machine lets nobody open a UDP socket. */
  readonly endpoint: LinkEndpoint | undefined
  readonly emitter: Emitter
  readonly random: ClientDeps['random']
  /** Whether somebody is in a room with this user. */
  readonly isMember: (room: string, user: string) => boolean
  readonly admission: (peer: Peer, message: ChatMessage) => boolean
  readonly onTransfer: (event: TransferEvent) => void
  /** Opens a port of the router. @default none is opened */
  readonly mapPort?: MapPort | undefined
  /** Whether ports of a router that changes them are guessed. @default false */
  readonly guessPorts?: boolean | undefined
}

/** What a listening, signed-in client holds: the profile's database, the UDP endpoint, the links and the courier between them. */
export class Account {
  readonly state: ProfileState
  readonly courier: Courier
  readonly links: Links | undefined
  readonly transfers: Transfers | undefined
  readonly #endpoint: LinkEndpoint | undefined
  readonly #reach: Reach | undefined
  readonly #adoption: NodeJS.Timeout

  /** @throws MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS */
  constructor(options: AccountOptions) {
    const { user, key, instance, dir, endpoint, emitter, random, admission, isMember, onTransfer } = options
    this.state = new ProfileState(dir)
    const { state } = this
    try {
      const { device } = state.read(() =>
        state.devices.meet(user, Buffer.from(key.publicKey).toString('base64url'), Date.now()),
      )
      this.courier = state.read(() => new Courier({ state, emitter, self: { user, device }, admission }))
    } catch (error) {
      state.close()
      throw error
    }
    this.#endpoint = endpoint
    this.#reach = endpoint && new Reach({ endpoint, emitter, random, mapPort: options.mapPort })
    const { courier } = this
    this.links =
      endpoint &&
      new Links({
        endpoint,
        courier,
        emitter,
        state,
        self: { user, instance },
        random,
        mapping: () => this.#reach?.mapping ?? 'unknown',
        guessPorts: options.guessPorts ?? false,
      })
    this.transfers =
      this.links &&
      new Transfers({
        router: this.links.streams,
        emit: onTransfer,
        isMember,
        isVanished: (instance) => this.links?.isVanished(instance) === true,
        journal: {
          put: (record) => state.read(() => state.transfers.put({ ...record, slot: state.slots.own })),
          remove: (id, direction, other) => state.read(() => state.transfers.remove(id, direction, other)),
        },
      })
    this.#adoptTransfers(state.slots.held)
    this.#adoption = setInterval(() => this.adopt(), ADOPTION_MS).unref()
  }

  /** Signed in: whoever is introduced from now on may be reached by this server's relay. */
  handleSignedIn(uplink: Uplink, signedIn: SignedIn): void {
    if (this.links) this.links.relay = udpAddressOf(uplink, signedIn)
  }

  /** Keeps the server told where this connection can be reached. */
  async announce(uplink: Uplink, signedIn: SignedIn): Promise<void> {
    await this.#reach?.announce(uplink, signedIn)
  }

  /** How the server sees this machine's UDP socket; null where there is none. */
  get network(): NetworkStatus | null {
    return this.#reach?.network ?? null
  }

  /** Takes over what processes of this profile left that are gone. */
  adopt(): void {
    const slots = this.state.slots.adopt()
    if (slots.length === 0) return
    this.courier.adopt(slots)
    this.#adoptTransfers(slots)
  }

  #adoptTransfers(slots: readonly number[]): void {
    const { state } = this
    this.transfers?.adopt(state.read(() => state.transfers.load(slots)))
  }

  async close(): Promise<void> {
    clearInterval(this.#adoption)
    await this.transfers?.close()
    this.courier.close()
    this.links?.close()
    // First the links: what is relayed says goodbye over the leg.
    await this.#endpoint?.close()
    await this.#reach?.close()
    this.state.close()
  }
}

/** Binds the endpoint; a machine without UDP still signs in, and is told. */
export async function bindEndpoint(
  deps: ClientDeps,
  key: DeviceKey,
  instance: string,
  options: Parameters<ClientDeps['bind']>[2],
  emitter: Emitter,
): Promise<LinkEndpoint | undefined> {
  try {
    return await deps.bind(key, instance, options)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const { code, message } = new MsgError('MSG_ERR_LINK_CLOSED', {
      detail: `no UDP socket (${why}); messages wait in the outbox`,
    })
    emitter.emit({ type: 'warning', code, message })
    return undefined
  }
}

/** How often a running process looks for slots of processes that died, milliseconds. */
const ADOPTION_MS = 30_000
