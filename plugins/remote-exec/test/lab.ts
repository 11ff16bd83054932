import { generateKeyPairSync, sign, verify, createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import * as v from 'msg-cli/valibot'
import { AuditLog } from '../src/audit/audit-log.ts'
import type { AuditFacts } from '../src/audit/chain.ts'
import type { Peer } from '../src/peer.ts'
import { Grants } from '../src/policy/grants.ts'
import { options as schema, type ExecOptions } from '../src/policy/options.ts'
import { procTable } from '../src/run/family.ts'
import { Run } from '../src/run/runner.ts'
import { findWrappers } from '../src/run/wrappers.ts'
import { sendRequest, type Outcome, type SendOptions } from '../src/sender.ts'
import { Target, type TargetDeps } from '../src/target.ts'
import { ReplayGuard, type NonceStore, type Seen } from '../src/wire/replay-guard.ts'
import type { Party } from '../src/wire/request.ts'

/** A device with a key of its own. */
export class Device {
  readonly user: string
  readonly key: Uint8Array
  readonly #secret: KeyObject

  constructor(user: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    this.user = user
    this.key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
    this.#secret = privateKey
  }

  get party(): Party {
    return { user: this.user, key: this.key }
  }

  get fingerprint(): string {
    return `SHA256:${createHash('sha256').update(this.key).digest('base64').replace(/=+$/, '')}`
  }

  sign = (bytes: Uint8Array): Uint8Array => sign(null, bytes, this.#secret)

  peer(more: Partial<Peer> = {}): Peer {
    return { user: this.user, device: this.fingerprint, deviceKey: this.key, verified: true, ...more }
  }
}

export function isSigned(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
  return verify(null, bytes, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

/** Both ends of a stream in memory, with so many bytes of room each way. */
export function duplexPair(room = 65_536): [Duplex, Duplex] {
  const ends: End[] = []
  const make = (): Duplex => {
    const end: End = new End(room, () => ends[end === ends[0] ? 1 : 0]!)
    ends.push(end)
    return end
  }
  return [make(), make()]
}

class End extends Duplex {
  readonly #other: () => End
  #taken: (() => void) | undefined

  constructor(room: number, other: () => End) {
    super({ highWaterMark: room })
    this.#other = other
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const other = this.#other()
    if (other.destroyed) done()
    else if (other.push(Buffer.from(bytes))) setImmediate(done)
    else other.#taken = done
  }

  override _final(done: () => void): void {
    if (!this.#other().destroyed) this.#other().push(null)
    done()
  }

  override _read(): void {
    const taken = this.#taken
    this.#taken = undefined
    taken?.()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.#other()
    setImmediate(() => other.destroy())
    this._read()
    done(error)
  }
}

/** Where a guard keeps what it has seen, in memory. */
export function memoryStore(): NonceStore & { seen: Seen | undefined } {
  return {
    seen: undefined,
    async load() {
      return this.seen
    },
    async save(seen) {
      this.seen = seen
    },
  }
}

export const optionsOf = (given: unknown): ExecOptions => v.parse(schema, given)

/** What a test changes of the target. */
export interface LabOptions {
  readonly options?: Record<string, unknown>
  readonly deps?: Partial<TargetDeps>
  readonly answer?: boolean | undefined | 'never'
}

/** A target that runs real commands, and devices that ask it. */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), 'msg-exec-'))
  readonly alice = new Device('alice')
  readonly bob = new Device('bob')
  readonly questions: string[] = []
  readonly told: string[] = []
  readonly store = memoryStore()
  readonly audit = new AuditLog({ folder: join(this.folder, 'audit') })
  now = 1_800_000_000_000
  readonly grants = new Grants()
  target!: Target
  readonly runs: Run[] = []
  /** Milliseconds; undefined for what clients have. */
  leftoversMs: number | undefined

  /** bob's side. */
  async open({ options = {}, deps = {}, ...rest }: LabOptions = {}): Promise<this> {
    const answer = 'answer' in rest ? rest.answer : true
    this.target = new Target({
      options: optionsOf({ enabled: true, allowRoot: true, cwd: this.folder, ...options }),
      self: () => this.bob.party,
      verify: isSigned,
      replay: await ReplayGuard.open(this.store),
      grants: this.grants,
      now: () => this.now,
      isRoot: process.getuid?.() === 0,
      isSupported: true,
      home: this.folder,
      confirm: async ({ details, question }) => {
        this.questions.push([...details, question].join('\n'))
        return answer === 'never' ? await new Promise<never>(() => {}) : answer
      },
      record: (facts: AuditFacts) => this.audit.append(facts),
      start: async (given) => {
        const run = await Run.start(given, {
          wrappers: findWrappers(),
          table: procTable(),
          graceMs: 300,
          ...this.#times(),
        })
        this.runs.push(run)
        return run
      },
      tell: (name) => this.told.push(name),
      env: process.env,
      ...deps,
    })
    return this
  }

  #times(): { leftoversMs?: number } {
    return this.leftoversMs === undefined ? {} : { leftoversMs: this.leftoversMs }
  }

  /** A stream from somebody. */
  connect(peer: Peer = this.alice.peer()): Duplex {
    const [near, far] = duplexPair()
    this.target.accept(far, peer)
    return near
  }

  /** What alice hears. */
  async exec(
    argv: readonly string[],
    { stream = this.connect(), ...more }: Partial<SendOptions> & { stream?: Duplex } = {},
  ): Promise<Outcome & { stdout: string; stderr: string }> {
    const out = { stdout: '', stderr: '' }
    const outcome = await sendRequest(
      stream,
      this.bob.peer(),
      { argv, onOutput: (name, bytes) => void (out[name] += Buffer.from(bytes).toString()), ...more },
      { self: () => this.alice.party, sign: this.alice.sign, now: () => this.now, record: () => {} },
    )
    return { ...outcome, ...out }
  }

  async close(): Promise<void> {
    await this.target?.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
