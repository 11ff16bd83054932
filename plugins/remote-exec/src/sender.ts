import { randomBytes } from 'node:crypto'
import type { Duplex, Readable } from 'node:stream'
import { MsgError } from 'msg-cli/plugin'
import type { AuditFacts } from './audit/chain.ts'
import type { Peer } from './peer.ts'
import { isRefusal, type Cause, type Refusal } from './refusals.ts'
import { FrameStream } from './wire/frame-stream.ts'
import { MAX_CHUNK, type Frame } from './wire/frames.ts'
import { encodeRequest, type Party } from './wire/request.ts'

/** What {@link sendRequest} works with. */
export interface SenderDeps {
  readonly self: () => Party
  readonly sign: (bytes: Uint8Array) => Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** @throws when it cannot be written: then nothing is asked for. */
  readonly record: (facts: AuditFacts) => void
}

/** What is asked for, and what happens meanwhile. */
export interface SendOptions {
  readonly argv: readonly string[]
  /** '' leaves it to the target. */
  readonly cwd?: string
  /** Given to the command; none when missing. */
  readonly stdin?: Readable | undefined
  /** A person there is asked. */
  readonly onAsking?: () => void
  readonly onStarted?: (run: string) => void
  /** Nothing more is read until it resolves. */
  readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void | Promise<void>
  /** Each SIGINT that the command is to get. @returns stops it */
  readonly onInterrupt?: (send: () => void) => () => void
  /** Gives up at once: the command is killed. */
  readonly signal?: AbortSignal | undefined
}

/** What became of a request. */
export type Outcome =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | {
      readonly kind: 'code' | 'signal'
      readonly run: string
      /** 0 to 255. */
      readonly number: number
      readonly cause: Cause
      readonly outputBytes: number
      readonly seconds: number
    }

/**
 * Asks a peer to run a command, and passes on what comes of it.
 *
 * @param stream - to that peer; ended when this resolves or rejects.
 * @throws MSG_ERR_LINK_CLOSED when the link goes before the end is known; MSG_ERR_CANCELLED; MSG_ERR_PROTOCOL; MSG_ERR_USAGE; MSG_ERR_STORAGE_FAILED
 */
export async function sendRequest(
  stream: Duplex,
  peer: Peer,
  options: SendOptions,
  deps: SenderDeps,
): Promise<Outcome> {
  const { self, sign, now, record } = deps
  const { argv, cwd = '', signal } = options
  const nonce = randomBytes(16)
  const to = { user: peer.user, key: peer.deviceKey }
  const facts = { side: 'sender', nonce: nonce.toString('hex'), user: peer.user, device: peer.device, argv, wish: cwd }
  const write = (more: AuditFacts): void => {
    try {
      record({ at: new Date(now()).toISOString(), ...facts, ...more })
    } catch (cause) {
      throw new MsgError('MSG_ERR_STORAGE_FAILED', { detail: `the audit log: ${(cause as Error).message}`, cause })
    }
  }
  const sending = new Sending(stream, peer, options)
  try {
    const bytes = encodeRequest({ nonce, at: now(), from: self(), to, argv, cwd })
    write({ event: 'requested' })
    const giveUp = (): void =>
      sending.fail(new MsgError('MSG_ERR_CANCELLED', { detail: `the command on ${peer.user}` }))
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      if (signal?.aborted) giveUp()
      else await sending.send({ type: 'request', signature: sign(bytes), bytes })
      const outcome = await sending.outcome
      const { kind } = outcome
      if (kind === 'refused') write({ event: 'refused', refusal: outcome.refusal })
      else write({ event: 'ended', [kind]: outcome.number, cause: outcome.cause, outputBytes: outcome.outputBytes })
      return outcome
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  } catch (error) {
    try {
      write({ event: 'failed', code: MsgError.of(error).code })
    } catch {
      // It failed because of that, or fails anyway.
    }
    throw error
  } finally {
    sending.close()
  }
}

/** One request on the side that makes it. */
class Sending {
  readonly #frames: FrameStream
  readonly #options: SendOptions
  readonly #outcome: Promise<Outcome>
  #resolve!: (outcome: Outcome) => void
  #reject!: (error: unknown) => void
  readonly #startedAt = performance.now()
  /** Frames that wait for the ones before to be passed on. */
  #queue: Promise<void> = Promise.resolve()
  #waiting = 0
  #outputBytes = 0
  #run: string | undefined
  #credit = 0
  #onCredit: (() => void) | undefined
  #stopInterrupts: (() => void) | undefined
  #isOver = false
  #hasAsked = false
  #hasEnded = false

  constructor(stream: Duplex, peer: Peer, options: SendOptions) {
    this.#options = options
    this.#outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#outcome.catch(() => {})
    this.#frames = new FrameStream(stream, 'sender', {
      onFrame: (frame) => this.#enqueue(frame),
      onGone: (error) => this.#handleGone(error, peer),
    })
  }

  get outcome(): Promise<Outcome> {
    return this.#outcome
  }

  send(frame: Frame): Promise<void> {
    return this.#frames.send(frame)
  }

  fail(error: unknown): void {
    this.#reject(error)
  }

  close(): void {
    this.#isOver = true
    this.#onCredit?.()
    this.#stopInterrupts?.()
    this.#options.stdin?.destroy()
    this.#frames.destroy()
  }

  /** What has come in order is passed on first. */
  #handleGone(error: Error | undefined, { user }: Peer): void {
    const failure = MsgError.is(error) ? error : new MsgError('MSG_ERR_LINK_CLOSED', { detail: `${user} is gone` })
    void this.#queue.then(() => this.fail(failure))
  }

  #enqueue(frame: Frame): void {
    if (this.#waiting++ === 0) this.#frames.pause()
    this.#queue = this.#queue
      .then(() => this.#handleFrame(frame))
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        if (--this.#waiting === 0) this.#frames.resume()
      })
  }

  async #handleFrame(frame: Frame): Promise<void> {
    const { onAsking, onStarted, onOutput } = this.#options
    if (this.#hasEnded) throw new MsgError('MSG_ERR_PROTOCOL', { detail: `remote-exec: ${frame.type} after the end` })
    const isRunning = this.#run !== undefined
    if (frame.type === 'asking' && !isRunning && !this.#hasAsked) {
      this.#hasAsked = true
      onAsking?.()
    } else if (frame.type === 'refused' && !isRunning) this.#refused(frame.code)
    else if (frame.type === 'accepted' && !isRunning) {
      this.#run = Buffer.from(frame.run).toString('hex')
      onStarted?.(this.#run)
      this.#stopInterrupts = this.#options.onInterrupt?.(() => void this.send({ type: 'signal', number: 2 }))
      void this.#pumpStdin().catch(() => {})
    } else if (frame.type === 'credit' && isRunning) {
      this.#credit += frame.bytes
      this.#onCredit?.()
    } else if ((frame.type === 'stdout' || frame.type === 'stderr') && isRunning) {
      this.#outputBytes += frame.bytes.byteLength
      await onOutput(frame.type, frame.bytes)
    } else if (frame.type === 'exit' && isRunning) {
      const { kind, number, cause } = frame
      this.#hasEnded = true
      const seconds = (performance.now() - this.#startedAt) / 1000
      this.#resolve({ kind, run: this.#run!, number, cause, outputBytes: this.#outputBytes, seconds })
    } else throw new MsgError('MSG_ERR_PROTOCOL', { detail: `remote-exec: ${frame.type} where it cannot be` })
  }

  #refused(code: string): void {
    if (!isRefusal(code))
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'remote-exec: a refusal of an unknown code' })
    this.#hasEnded = true
    this.#resolve({ kind: 'refused', refusal: code })
  }

  async #pumpStdin(): Promise<void> {
    const { stdin } = this.#options
    for await (const chunk of (stdin ?? []) as AsyncIterable<Buffer | string>) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      for (let at = 0; at < bytes.byteLength;) {
        while (this.#credit === 0 && !this.#isOver) await new Promise<void>((resolve) => (this.#onCredit = resolve))
        if (this.#isOver) return
        const part = bytes.subarray(at, at + Math.min(MAX_CHUNK, this.#credit))
        this.#credit -= part.byteLength
        at += part.byteLength
        await this.send({ type: 'stdin', bytes: part })
      }
    }
    await this.send({ type: 'stdin-end' })
  }
}
