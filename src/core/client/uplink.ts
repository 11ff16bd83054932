import { CONTROL_PROTOCOL, type Method, type ParamsInput, type Result } from '../control/methods.ts'
import { MsgError } from '../errors.ts'
import type { ControlChannel, ControlChannelOptions, dialControl, ServerNotification } from '../io/control-channel.ts'
import { dialRelayLeg, type RelayLeg, type RelayLegOptions } from '../io/relay-leg.ts'
import { formatAddress, type HostPort } from '../wire/address.ts'
import { backoffMs, RECONNECT } from './backoff.ts'

/** What an {@link Uplink} is built with. */
export interface UplinkOptions {
  readonly address: HostPort
  readonly dial: typeof dialControl
  readonly verify: (fingerprint: string) => void
  readonly ca?: string
  readonly signal?: AbortSignal
  /** False: stay away once the connection is lost. */
  readonly isReconnecting: boolean
  readonly random: () => number
  readonly onNotification: (notification: ServerNotification) => void
  /** Plugins of this side, and who is told those of the server. */
  readonly plugins: {
    versions(): Record<string, number>
    handleHello(there: Record<string, number>, packages: Record<string, string>): void
  }
  /** The connection was lost. */
  readonly onLost: (reason: MsgError) => void
  /** Another attempt comes in `delayMs`. */
  readonly onWaiting: (attempt: number, delayMs: number, reason: string) => void
  /** Connected again; signs in. Throwing counts as a failed attempt. */
  readonly onBack: () => Promise<void>
  /** It stays away. */
  readonly onGone: (reason: MsgError) => void
}

/** The way to the server: a control channel that comes back when it is lost. */
export class Uplink {
  readonly #options: UplinkOptions
  #channel: ControlChannel | undefined
  #serverName = ''
  #timer: NodeJS.Timeout | undefined
  #abort: AbortController | undefined
  #isReturning = false
  #isClosed = false

  constructor(options: UplinkOptions) {
    this.#options = options
  }

  get channel(): ControlChannel | undefined {
    return this.#channel
  }

  get serverName(): string {
    return this.#serverName
  }

  /** The first attempt; later ones are made without being asked. @throws why it failed. */
  async connect(signal: AbortSignal | undefined = this.#options.signal): Promise<void> {
    const { address, dial, verify, ca, onNotification } = this.#options
    const opened: { channel?: ControlChannel } = {}
    const options: ControlChannelOptions = {
      address,
      verify,
      ...(ca === undefined ? {} : { ca }),
      ...(signal ? { signal } : {}),
      onNotification: (notification) => {
        if (opened.channel && this.#channel === opened.channel) onNotification(notification)
      },
      onClosed: (reason) => this.#handleClosed(opened.channel, reason),
    }
    const channel = await dial(options)
    opened.channel = channel
    try {
      const { plugins } = this.#options
      const hello = { protocol: CONTROL_PROTOCOL, agent: AGENT, plugins: plugins.versions() }
      const { protocol, server, plugins: there, packages } = await channel.request('hello', hello)
      if (protocol !== CONTROL_PROTOCOL)
        throw new MsgError('MSG_ERR_VERSION', { detail: `control ${CONTROL_PROTOCOL} here, ${protocol} there` })
      if (this.#isClosed || signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'connecting' })
      this.#serverName = server
      this.#channel = channel
      plugins.handleHello(there, packages)
    } catch (error) {
      channel.destroy()
      throw error
    }
  }

  /** @throws MSG_ERR_SERVER_UNREACHABLE while the server is away, and what {@link ControlChannel.request} throws. */
  request<M extends Method>(method: M, params: ParamsInput<M>): Promise<Result<M>> {
    return this.#channel?.request(method, params) ?? Promise.reject(this.#away())
  }

  /** What a device signs to sign in on the present connection. @throws as {@link Uplink.request} does */
  exporter(): Uint8Array {
    if (!this.#channel) throw this.#away()
    return this.#channel.exporter()
  }

  #away(): MsgError {
    if (this.#isClosed) return new MsgError('MSG_ERR_NOT_CONNECTED')
    const detail = `${formatAddress(this.#options.address)} (the connection was lost)`
    return new MsgError('MSG_ERR_SERVER_UNREACHABLE', { detail })
  }

  /** Dials a leg of the server's relay, which is known as the control channel's other end is. @throws what {@link dialRelayLeg} throws */
  dialLeg(options: Omit<RelayLegOptions, 'address' | 'verify' | 'ca'>): Promise<RelayLeg | undefined> {
    const { address, verify, ca } = this.#options
    return dialRelayLeg({ ...options, address, verify, ...(ca === undefined ? {} : { ca }) })
  }

  /** The network may be another one: unless the server answers `asked` soon, the connection is given up and made anew. */
  async doubt(asked: Promise<unknown>): Promise<void> {
    const channel = this.#channel
    if (!channel) return
    const late = new Promise<true>((resolve) => setTimeout(() => resolve(true), DOUBT_MS).unref())
    const isLate = await Promise.race([late, asked.catch(() => {})])
    if (isLate === true && channel === this.#channel) channel.destroy('the server does not answer')
  }

  /** @param isGraceful - what was written still goes out. */
  close(isGraceful: boolean): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#abort?.abort()
    if (isGraceful) this.#channel?.close()
    else this.#channel?.destroy()
    this.#channel = undefined
  }

  #handleClosed(channel: ControlChannel | undefined, reason: MsgError): void {
    if (this.#isClosed || channel === undefined || channel !== this.#channel) return
    this.#channel = undefined
    this.#options.onLost(reason)
    if (!this.#isReturning) this.#wait(1, reason)
  }

  #wait(attempt: number, reason: MsgError): void {
    if (this.#isClosed) return
    if (!this.#options.isReconnecting || FINAL.has(reason.code)) {
      this.#options.onGone(reason)
      return
    }
    const delayMs = backoffMs(attempt, this.#options.random(), RECONNECT)
    this.#options.onWaiting(attempt, delayMs, reason.message)
    this.#timer = setTimeout(() => void this.#retry(attempt), delayMs)
  }

  async #retry(attempt: number): Promise<void> {
    this.#abort = new AbortController()
    this.#isReturning = true
    let failure: MsgError | undefined
    try {
      await this.connect(this.#abort.signal)
      await this.#options.onBack()
      if (!this.#channel) failure = new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'while signing in' })
    } catch (error) {
      failure = MsgError.of(error)
    }
    this.#isReturning = false
    if (!failure) return
    const channel = this.#channel
    this.#channel = undefined
    channel?.destroy()
    this.#wait(attempt + 1, failure)
  }
}

const AGENT = 'msg-cli'
/** How long an answer is waited for when there is a reason to doubt, milliseconds: TCP itself would wait for minutes. */
const DOUBT_MS = 4_000
/** Trying again cannot help, or must not be done without a person. */
const FINAL: ReadonlySet<string> = new Set([
  'MSG_ERR_FINGERPRINT_CHANGED',
  'MSG_ERR_FINGERPRINT_MISMATCH',
  'MSG_ERR_VERSION',
  'MSG_ERR_DEVICE_UNKNOWN',
  'MSG_ERR_SIGN_IN_FAILED',
])
