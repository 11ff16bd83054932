import type { ReplayGuard } from './wire/replay-guard.ts'
import type { Peer } from './peer.ts'
import { decide, type FoundCommand } from './policy/policy.ts'
import type { ExecOptions } from './policy/options.ts'
import type { Grants } from './policy/grants.ts'
import type { Refusal } from './refusals.ts'
import { locate, locateFolder } from './run/locate.ts'
import { decodeRequest, type ExecRequest, type Party } from './wire/request.ts'

/** What a {@link Judge} works with. */
export interface JudgeDeps {
  readonly options: ExecOptions
  /** This side. */
  readonly self: () => Party
  readonly verify: (key: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => boolean
  readonly replay: Pick<ReplayGuard, 'admit'>
  readonly grants: Grants
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly isRoot: boolean
  /** True where processes can be ended by their group. */
  readonly isSupported: boolean
  /** Where commands run when neither request nor configuration says where. */
  readonly home: string
}

/** A request that is what it claims to be. */
export interface Authentic {
  readonly request: ExecRequest
}

/** What is going to run, if nobody who is asked says no. */
export interface Approved {
  readonly command: FoundCommand
  /** Without symlinks. */
  readonly cwd: string
  readonly ask: boolean
}

/** Says of each request whether it runs, and why not. */
export class Judge {
  readonly #deps: JudgeDeps

  constructor(deps: JudgeDeps) {
    this.#deps = deps
  }

  /** Whether it comes from this peer, is for this user, is fresh, and is here for the first time. */
  async authenticate(
    bytes: Uint8Array,
    signature: Uint8Array,
    peer: Peer,
  ): Promise<Authentic | { refusal: Refusal; request?: ExecRequest }> {
    const { options, self, verify, replay, now, isRoot, isSupported } = this.#deps
    let request: ExecRequest
    try {
      request = decodeRequest(bytes)
    } catch {
      return { refusal: 'malformed' }
    }
    const refuse = (refusal: Refusal): { refusal: Refusal; request: ExecRequest } => ({ refusal, request })
    if (!options.enabled) return refuse('not-enabled')
    if (!isSupported) return refuse('unsupported')
    if (isRoot && !options.allowRoot) return refuse('root')
    const own = self()
    if (request.from.user !== peer.user || !isSame(request.from.key, peer.deviceKey)) return refuse('changed-key')
    if (request.to.user !== own.user || !isSame(request.to.key, own.key)) return refuse('wrong-addressee')
    if (!verify(peer.deviceKey, bytes, signature)) return refuse('bad-signature')
    if (!peer.verified) return refuse('unverified')
    try {
      const why = await replay.admit(request.nonce, peer.device, request.at, now())
      return why === undefined ? { request } : refuse(why)
    } catch {
      // What cannot be kept could come again.
      return refuse('audit')
    }
  }

  /** Whether the policy lets it run. */
  async approve({ argv, cwd }: ExecRequest, peer: Peer): Promise<Approved | { refusal: Refusal }> {
    const { options, grants, now, home } = this.#deps
    const realHome = await locateFolder(options.cwd ?? home)
    const folder = cwd === '' ? realHome : await locateFolder(cwd)
    if (folder === undefined || realHome === undefined || (cwd !== '' && !cwd.startsWith('/')))
      return { refusal: 'cwd' }
    const command = await locate(argv[0]!, {
      path: options.path,
      relativeTo: options.allowRelative ? folder : undefined,
    })
    if (typeof command === 'string') return { refusal: command }
    const decision = decide(options, {
      user: peer.user,
      argv,
      command,
      cwd: folder,
      home: realHome,
      isGranted: grants.has(peer.user, peer.device, now()),
      ...(await this.#located()),
    })
    return 'refusal' in decision ? decision : { command, cwd: folder, ask: decision.ask }
  }

  /** Looked up for each request: what is installed or linked anew meanwhile is judged as it is now. */
  async #located(): Promise<{ located: Map<string, FoundCommand>; roots: Map<string, string> }> {
    const { allow, deny, path, roots } = this.#deps.options
    const located = new Map<string, FoundCommand>()
    for (const name of new Set([...allow, ...deny].map(({ command }) => command))) {
      const found = await locate(name, { path })
      if (typeof found === 'object') located.set(name, found)
    }
    const folders = new Map<string, string>()
    for (const root of new Set([...roots, ...allow.flatMap(({ cwd }) => cwd ?? [])])) {
      const real = await locateFolder(root)
      if (real !== undefined) folders.set(root, real)
    }
    return { located, roots: folders }
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
