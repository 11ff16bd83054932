import type { Duplex } from 'node:stream'
import { hashOf, type AuditFacts } from './audit/chain.ts'
import type { Judge, Approved } from './judge.ts'
import type { Peer } from './peer.ts'
import type { ExecOptions } from './policy/options.ts'
import { ASK_MS, questionOf, type Question } from './question.ts'
import type { Cause, Refusal } from './refusals.ts'
import { environmentOf } from './run/environment.ts'
import { newMark } from './run/family.ts'
import type { Ended, Run, RunOptions } from './run/runner.ts'
import { FrameStream } from './wire/frame-stream.ts'
import { MAX_CHUNK, SIGNALS, type Frame } from './wire/frames.ts'
import type { ExecRequest } from './wire/request.ts'

/** What a {@link Call} works with. */
export interface CallDeps {
  readonly options: ExecOptions
  readonly judge: Judge
  /** True when as many run as may. */
  readonly isFull: (own: Call) => boolean
  readonly isRevoked: () => boolean
  /** False for refusals beyond what is written down. */
  readonly mayRecord: () => boolean
  /** Asks a person, `details` first; `undefined` where there is none. Aborted, the question is withdrawn. */
  readonly confirm: (question: Question, signal: AbortSignal) => Promise<boolean | undefined>
  /** @throws when it cannot be written. */
  readonly record: (facts: AuditFacts) => void
  readonly start: (options: RunOptions) => Promise<Run>
  /** Tells this side's user. */
  readonly tell: (name: string, text: string, facts: Readonly<Record<string, string | number | null>>) => void
  /** The environment of this process. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** @default 30 s */
  readonly askMs?: number
}

/** One request on the side where it is to run, from its first frame to the end. */
export class Call {
  readonly peer: Peer
  readonly #id: Uint8Array
  readonly #deps: CallDeps
  readonly #frames: FrameStream
  /** Aborted when nobody waits for an answer any more, or it was revoked. */
  readonly #stop = new AbortController()
  #request: ExecRequest | undefined
  #run: Run | undefined
  #state: 'deciding' | 'running' | 'over' = 'deciding'
  #isCounted = false
  #ending: Exclude<Cause, 'none'> | undefined
  /** Bytes of stdin that may still come. */
  #credit = 0
  /** Bytes of stdin that the command has taken and that are not credited again yet. */
  #taken = 0
  #hasEndedInput = false
  #firstFrame: ((frame: Frame) => void) | undefined
  /** Resolves when all of it is over. */
  readonly over: Promise<void>

  constructor(stream: Duplex, peer: Peer, id: Uint8Array, deps: CallDeps) {
    this.peer = peer
    this.#id = id
    this.#deps = deps
    const first = new Promise<Frame | undefined>((resolve) => {
      this.#firstFrame = resolve
      this.#stop.signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    this.#frames = new FrameStream(stream, 'target', {
      onFrame: (frame) => this.#handleFrame(frame),
      onGone: () => this.end('link'),
    })
    const timer = setTimeout(() => this.#stop.abort(), FIRST_FRAME_MS)
    this.over = this.#serve(first)
      .catch(() => this.#frames.destroy())
      .finally(() => {
        clearTimeout(timer)
        this.#state = 'over'
      })
    void first.then(() => clearTimeout(timer))
  }

  get id(): string {
    return Buffer.from(this.#id).toString('hex')
  }

  get argv(): readonly string[] | undefined {
    return this.#request?.argv
  }

  get state(): 'deciding' | 'running' | 'over' {
    return this.#state
  }

  /** True when it takes one of the places. */
  get isCounted(): boolean {
    return this.#isCounted && this.#state !== 'over'
  }

  /** Kills what runs, or takes the question back. */
  end(cause: Exclude<Cause, 'none'>): void {
    if (this.#state === 'over') return
    this.#ending ??= cause
    this.#stop.abort()
    this.#run?.end(cause)
  }

  async #serve(first: Promise<Frame | undefined>): Promise<void> {
    const frame = await first
    if (frame === undefined) return this.#frames.destroy()
    if (frame.type !== 'request') return this.#frames.destroy()
    const { judge, isFull, isRevoked } = this.#deps
    const authentic = await judge.authenticate(frame.bytes, frame.signature, this.peer)
    this.#request = authentic.request
    if ('refusal' in authentic) return this.#refuse(authentic.refusal)
    const { request } = authentic
    if (isRevoked()) return this.#refuse('revoked')
    if (isFull(this)) return this.#refuse('too-many')
    this.#isCounted = true
    const approved = await judge.approve(request, this.peer)
    if ('refusal' in approved) return this.#refuse(approved.refusal)
    const asked = approved.ask ? await this.#ask(request, approved) : 'unasked'
    if (asked !== 'yes' && asked !== 'unasked') return this.#refuse(asked)
    const moved = asked === 'yes' ? await this.#moved(request, approved) : undefined
    if (moved !== undefined) return this.#refuse(moved)
    if (this.#stop.signal.aborted) return this.#refuse('revoked')
    await this.#execute(request, approved, asked)
  }

  /** What was shown while a person thought must still be what runs: a link that leads elsewhere meanwhile is not. */
  async #moved(request: ExecRequest, { command, cwd }: Approved): Promise<Refusal | undefined> {
    const now = await this.#deps.judge.approve(request, this.peer)
    if ('refusal' in now) return now.refusal
    if (now.cwd !== cwd) return 'cwd'
    return now.command.path === command.path && now.command.real === command.real ? undefined : 'not-found'
  }

  async #ask({ argv }: ExecRequest, { command, cwd }: Approved): Promise<'yes' | Refusal> {
    const { confirm, askMs = ASK_MS } = this.#deps
    const question = questionOf(this.peer, argv, command.path, cwd)
    if (question === undefined) return 'too-large'
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), askMs)
    const signal = AbortSignal.any([this.#stop.signal, late.signal])
    const withdrawn = new Promise<'withdrawn'>((resolve) => {
      if (signal.aborted) resolve('withdrawn')
      signal.addEventListener('abort', () => resolve('withdrawn'), { once: true })
    })
    // Where nobody is, that is said at once.
    const telling = setTimeout(() => void this.#frames.send({ type: 'asking' }), TELL_MS)
    try {
      // Whatever the one who asks does, nobody waits longer than this.
      const answer = await Promise.race([confirm(question, signal), withdrawn])
      if (this.#stop.signal.aborted) return 'revoked'
      if (late.signal.aborted || answer === 'withdrawn') return 'no-answer'
      return answer === true ? 'yes' : answer === false ? 'declined' : 'nobody'
    } catch {
      return 'nobody'
    } finally {
      clearTimeout(timer)
      clearTimeout(telling)
    }
  }

  /** Records it, then says it. */
  async #refuse(code: Refusal): Promise<void> {
    const { record, mayRecord, tell } = this.#deps
    let told: Refusal = code
    if (code !== 'not-enabled' && mayRecord()) {
      try {
        const cause = this.#ending && { cause: this.#ending }
        record({ ...shortened(this.#facts()), event: 'refused', refusal: code, ...cause })
      } catch {
        told = 'audit'
      }
      const { user } = this.peer
      const isTakenBack = this.#ending === 'link' || this.#ending === 'stopped'
      const text = isTakenBack ? `${user} took a command back` : `refused a command of ${user}: ${code}`
      tell('refused', text, { user, refusal: code })
    }
    void this.#frames.send({ type: 'refused', code: told })
    this.#frames.finish()
  }

  async #execute(request: ExecRequest, { command, cwd }: Approved, asked: 'yes' | 'unasked'): Promise<void> {
    const { options, record, start, tell, env } = this.#deps
    const { argv } = request
    const { user } = this.peer
    try {
      record({ ...this.#facts(), event: 'started', path: command.path, cwd, asked: asked === 'yes' })
    } catch {
      return this.#refuse('audit')
    }
    let run: Run
    try {
      run = await start({
        path: command.path,
        argv,
        cwd,
        env: environmentOf(env, { path: options.path, added: options.environment, peer: user }),
        mark: newMark(),
        limits: options.limits,
        onOutput: (name, bytes) => this.#output(name, bytes),
      })
    } catch {
      return this.#refuse('failed')
    }
    this.#run = run
    this.#state = 'running'
    if (this.#stop.signal.aborted) run.end(this.#ending ?? 'link')
    tell('started', `${user} runs ${argv[0]}`, { user, run: this.id, command: argv[0]! })
    await this.#frames.send({ type: 'accepted', run: this.#id })
    this.#grantCredit(STDIN_WINDOW)
    const ended = await run.ended
    this.#recordEnd(ended)
    const { kind, number, cause } = ended
    // An end after output that is missing would look like all of it.
    if (cause === 'link') return this.#frames.destroy()
    void this.#frames.send({ type: 'exit', kind, number, cause })
    this.#frames.finish()
  }

  #recordEnd({ kind, number, cause, outputBytes, seconds, processes, isClean }: Ended): void {
    const { record, tell } = this.#deps
    const { user } = this.peer
    const rest = { cause, outputBytes, seconds: Math.round(seconds * 1000) / 1000, processes }
    try {
      record({ ...this.#facts(), event: 'ended', [kind]: number, ...rest, ...(isClean ? {} : { leftBehind: true }) })
    } catch (error) {
      tell('fault', `the end of a command could not be recorded: ${(error as Error).message}`, { user, run: this.id })
    }
    const how = kind === 'code' ? `status ${number}` : `signal ${number}`
    const why = cause === 'none' ? '' : ` (${cause})`
    tell('ended', `what ${user} ran has ended: ${how}${why}`, { user, run: this.id, cause })
  }

  #facts(): Record<string, unknown> {
    const { user, device, verified } = this.peer
    const { argv, cwd, at, nonce } = this.#request ?? {}
    const asked = nonce && {
      nonce: Buffer.from(nonce).toString('hex'),
      argv,
      wish: cwd,
      stated: new Date(at ?? 0).toISOString(),
    }
    return { at: new Date().toISOString(), side: 'target', run: this.id, user, device, verified, ...asked }
  }

  async #output(type: 'stdout' | 'stderr', all: Buffer): Promise<void> {
    for (let at = 0; at < all.byteLength; at += MAX_CHUNK) {
      if (this.#frames.isGone) throw new Error('the link is gone')
      await this.#frames.send({ type, bytes: all.subarray(at, at + MAX_CHUNK) })
    }
  }

  #handleFrame(frame: Frame): void {
    if (this.#firstFrame) {
      this.#firstFrame(frame)
      this.#firstFrame = undefined
    } else if (frame.type === 'signal') {
      if (this.#run) this.#run.signal(SIGNALS[frame.number]!)
      else this.end('stopped')
    } else if (frame.type === 'stdin-end') {
      if (this.#hasEndedInput) throw new Error('a second end of input')
      this.#hasEndedInput = true
      this.#withStdin((stdin) => stdin.end())
    } else if (frame.type === 'stdin') {
      this.#credit -= frame.bytes.byteLength
      if (this.#credit < 0) throw new Error('more input than it may send')
      this.#withStdin((stdin) =>
        stdin.write(frame.bytes, () => {
          // What nobody reads any more is not waited for. Small pieces are credited together.
          this.#taken += frame.bytes.byteLength
          if (this.#taken < STDIN_STEP) return
          this.#grantCredit(this.#taken)
          this.#taken = 0
        }),
      )
    } else throw new Error(`${frame.type} where it cannot be`)
  }

  /** The end of input may come before the command has begun. */
  #withStdin(step: (stdin: NodeJS.WritableStream) => void): void {
    if (this.#run) step(this.#run.stdin)
    else this.#early.push(step)
  }

  readonly #early: Array<(stdin: NodeJS.WritableStream) => void> = []

  #grantCredit(bytes: number): void {
    if (this.#run) for (const step of this.#early.splice(0)) step(this.#run.stdin)
    if (this.#state !== 'running') return
    this.#credit += bytes
    void this.#frames.send({ type: 'credit', bytes })
  }
}

/** When the other side is told that somebody is asked. */
const TELL_MS = 20
/** How long a peer may take to say what it wants. */
const FIRST_FRAME_MS = 10_000
/** Bytes of stdin that may be under way or wait for the command. */
const STDIN_WINDOW = 256 * 1024
/** Bytes of stdin that are credited at once, at least: an answer to each byte could fill a stream that nobody reads. */
const STDIN_STEP = 32 * 1024

/** Facts of a refusal: whoever is refused does not decide how much of the log that takes. */
function shortened({ argv, wish, ...facts }: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify([argv, wish])
  if (argv === undefined || text.length <= MAX_REFUSED) return { ...facts, argv, wish }
  return { ...facts, words: text.slice(0, MAX_REFUSED), wordsSha256: hashOf(text) }
}

/** Characters of the words and the directory of a refused request that are written down. */
const MAX_REFUSED = 1_024
