import { MsgError, type ClientScope, type PluginCommand } from 'msg-cli/plugin'
import type { AuditLog } from './audit/audit-log.ts'
import type { Foreground } from './client.ts'
import { Lines, Portions } from './text-cutter.ts'
import { peerOf } from './peer.ts'
import { DEFAULT_MINUTES, type Grants } from './policy/grants.ts'
import type { protocol } from './protocol.ts'
import { CAUSE_TEXTS, refusalText } from './refusals.ts'
import { sendRequest, type Outcome } from './sender.ts'
import type { Target } from './target.ts'
import type { Party } from './wire/request.ts'
import { shownWords, splitWords } from './words.ts'
import { exitNames, statusOf } from './status.ts'

/** What the commands work with. */
export interface ExecCommandDeps {
  readonly client: ClientScope<typeof protocol>
  readonly target: Target
  readonly grants: Grants
  readonly self: () => Party
  readonly audit: () => AuditLog
  readonly foreground: Foreground | undefined
}

/** What `exec` and its kin add to the prompt. */
export function execCommands(deps: ExecCommandDeps): PluginCommand[] {
  const { client, target, grants, audit } = deps
  const sending = new Set<Sent>()
  const commands = [
    command({
      name: 'exec',
      short: 'ex',
      summary: 'run a command on a peer who allows it: exec <user> -- <command and its words>',
      arguments: [
        { name: 'user', kind: 'user' },
        { name: 'command', rest: true },
      ],
      options: { cwd: { value: 'folder' } },
      background: true,
      async run(values, { signal }) {
        const argv = wordsOf(values.text('command'))
        const outcome = await execute(deps, sending, values.text('user'), argv, values.optional('cwd') ?? '', signal)
        return { exec: outcome }
      },
      text: ({ exec }) => [exitSentence(exec)],
    }),
    command({
      name: 'exec stop',
      summary: 'send Ctrl-C to what you run on a peer; the second time it is killed',
      arguments: [{ name: 'user', kind: 'user', optional: true }],
      async run(values) {
        const user = values.optional('user')
        const stopped = [...sending].filter((one) => user === undefined || one.user === user)
        for (const one of stopped) one.interrupt()
        return { stopped: stopped.length }
      },
      text: ({ stopped }) => [stopped === 0 ? 'Nothing of yours runs.' : `Asked ${commandsText(stopped)} to stop.`],
    }),
    command({
      name: 'exec grant',
      summary: 'for some minutes, do not ask about what rules allow a verified peer: 5, at most 15',
      arguments: [
        { name: 'user', kind: 'user' },
        { name: 'minutes', optional: true },
      ],
      async run(values) {
        const minutes = Number(values.optional('minutes') ?? DEFAULT_MINUTES)
        // Who is granted something is the device at the other end of the link, not a name.
        const stream = await client.streams.open(values.text('user'))
        const peer = peerOf(stream.peer)
        stream.destroy()
        if (!peer.verified)
          throw new MsgError('MSG_ERR_USAGE', {
            detail: `${peer.user} is not verified: compare the number that verify ${peer.user} shows, then verify ${peer.user} --mark`,
          })
        const { user, device, expires } = target.grant(peer, minutes)
        return { grant: { user, device, expires: new Date(expires).toISOString(), minutes } }
      },
      text: ({ grant: { user, device, minutes } }, visible) => [
        `For ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} nobody is asked about what your rules allow ${visible(user)} (${device}). exec revoke ends it.`,
      ],
    }),
    command({
      name: 'exec revoke',
      short: 'xr',
      key: 'x',
      summary: 'take back every grant, kill what peers run here, and refuse them; or one of them',
      arguments: [{ name: 'user', kind: 'user', optional: true }],
      async run(values) {
        const user = values.optional('user')
        return { user: user ?? null, ...target.revoke(user) }
      },
      text: ({ user, grants: taken, ended }, visible) => [
        `Took back ${taken} ${taken === 1 ? 'grant' : 'grants'}, ended ${commandsText(ended)}. ${user === null ? 'Nobody' : visible(user)} runs ${user === null ? 'anything' : 'nothing'} here until exec grant.`,
      ],
    }),
    command({
      name: 'exec grants',
      summary: 'what is granted, and what peers run here',
      async run() {
        const now = client.timers.now()
        return {
          grants: grants.list(now).map(({ user, device, expires }) => ({
            user,
            device,
            expires: new Date(expires).toISOString(),
            seconds: Math.ceil((expires - now) / 1000),
          })),
          running: target.calls.map(({ id, user, argv, state }) => ({ run: id, user, argv, state })),
        }
      },
      text: ({ grants: given, running }, visible) => [
        ...given.map(({ user, device, seconds }) => `${visible(user)}  ${device}  ${seconds} s`),
        ...running.map(({ user, argv, state }) => `${visible(user)}  ${state}  ${visible(shownWords(argv))}`),
        ...(given.length + running.length === 0 ? ['Nothing is granted, nothing runs.'] : []),
      ],
    }),
    command({
      name: 'exec log',
      summary: 'the newest lines of the audit log, and whether its chain holds',
      async run() {
        const log = audit()
        return { path: log.path, broken: log.verify() ?? null, records: log.last(20) }
      },
      text: ({ path, broken, records }, visible) => [
        ...records.map((record) => visible(recordText(record))),
        broken === null
          ? `The chain of ${visible(path)} holds.`
          : `The chain of ${visible(path)} is broken: line ${broken.line}, ${broken.why}.`,
      ],
    }),
  ]
  return commands as unknown as PluginCommand[]
}

const command = <F extends object>(given: PluginCommand<F>): PluginCommand<F> => given

/** A command that this client runs elsewhere. */
interface Sent {
  readonly user: string
  /** Ctrl-C; the second time it gives up. */
  readonly interrupt: () => void
}

/** What `exec` answers. */
export interface ExecResult {
  readonly user: string
  readonly run: string
  /** Exit status; null when a signal ended it. */
  readonly exit: number | null
  /** Name of the signal that ended it; null when it ended by itself. */
  readonly signal: string | null
  /** Why it was ended from outside; `none` when it was not. */
  readonly cause: string
  /** The status that `msg client exec` ends with. */
  readonly status: number
  readonly seconds: number
  readonly outputBytes: number
}

async function execute(
  { client, self, audit, foreground }: ExecCommandDeps,
  sending: Set<Sent>,
  user: string,
  argv: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<ExecResult> {
  const stream = await client.streams.open(user, { signal })
  const peer = peerOf(stream.peer)
  const giveUp = new AbortController()
  let send: (() => void) | undefined
  let hasAsked = false
  const sent: Sent = {
    user: peer.user,
    interrupt: () => {
      if (send === undefined || hasAsked) giveUp.abort()
      else send()
      hasAsked = true
    },
  }
  sending.add(sent)
  const told = foreground === undefined ? prompted(client, peer.user, () => sending.size) : undefined
  try {
    const outcome = await sendRequest(
      stream,
      peer,
      {
        argv,
        cwd,
        stdin: foreground?.stdin,
        signal: AbortSignal.any([signal, giveUp.signal, client.signal]),
        onAsking: foreground?.onAsking ?? (() => client.event('asking', `${peer.user} is asked`, { user: peer.user })),
        onStarted: (run) => {
          foreground?.onStarted(run)
          told?.onStarted(run)
        },
        onOutput: (name, bytes) => (foreground ? foreground.onOutput(name, bytes) : told?.onOutput(name, bytes)),
        onInterrupt: (given) => {
          send = given
          return foreground?.onInterrupt(given) ?? (() => {})
        },
      },
      {
        self,
        sign: (bytes) => client.sign(bytes),
        now: () => client.timers.now(),
        record: (facts) => audit().append(facts),
      },
    )
    return resultOf(outcome, peer.user)
  } finally {
    told?.end()
    sending.delete(sent)
  }
}

/**
 * Output at the prompt: whole lines for people, exact bytes for programs. What comes within a moment is told together, and what is more than can be
 * told waits: a client drops events of a plugin that tells too many.
 *
 * @param running - how many commands share what may be told.
 */
function prompted(client: ClientScope<typeof protocol>, user: string, running: () => number) {
  let run = ''
  const streams = (['stdout', 'stderr'] as const).map((name) => ({
    name,
    lines: new Lines(),
    portions: new Portions(),
    held: [] as Uint8Array[],
  }))
  let size = 0
  let room: Promise<void> | undefined
  let cancel = (): void => {}
  const tell = (isEnd: boolean): void => {
    for (const { name: stream, lines, portions, held } of streams) {
      const bytes = Buffer.concat(held.splice(0))
      const parts = [...portions.handleBytes(bytes), ...(isEnd ? portions.end() : [])]
      for (const portion of parts) client.event('output', '', { user, run, stream, ...portion })
      const texts = [...lines.handleBytes(bytes), ...(isEnd ? lines.end() : [])]
      const from = `${user}${stream === 'stderr' ? ' (stderr)' : ''}`
      if (texts.length > 0)
        client.event('line', texts.map((text) => `${from}: ${text}`).join('\n'), { user, run, stream })
    }
    size = 0
    room = undefined
  }
  return {
    onStarted: (id: string) => {
      run = id
      client.event('running', '', { user, run })
    },
    onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> | undefined => {
      streams.find(({ name }) => name === stream)!.held.push(bytes)
      size += bytes.byteLength
      room ??= new Promise((resolve) => {
        cancel = client.timers.after(TELL_MS * Math.max(1, running()), () => {
          tell(false)
          resolve()
        })
      })
      return size < MAX_HELD ? undefined : room
    },
    end: () => {
      cancel()
      tell(true)
    },
  }
}

/** How often output is told: four events each time, of the 200 a second that a client takes of a plugin, milliseconds. */
const TELL_MS = 30
/** Bytes of output that are told together, at least one frame more at most. */
const MAX_HELD = 16_384

/** @throws MSG_ERR_EXEC_REFUSED */
function resultOf(outcome: Outcome, user: string): ExecResult {
  if (outcome.kind === 'refused')
    throw new MsgError('MSG_ERR_EXEC_REFUSED', {
      detail: `${refusalText(outcome.refusal, user)} (${outcome.refusal})`,
    })
  const { run, cause, seconds, outputBytes } = outcome
  const rounded = Math.round(seconds * 1000) / 1000
  return { user, run, ...exitNames(outcome), cause, status: statusOf(outcome), seconds: rounded, outputBytes }
}

/** What is said when a command has ended. */
export function exitSentence({ user, exit, signal, cause }: ExecResult): string {
  const how = signal === null ? `with status ${exit}` : `by ${signal}`
  const why = cause === 'none' ? '' : `: ${CAUSE_TEXTS[cause as keyof typeof CAUSE_TEXTS]}`
  return `What ran on ${user} has ended ${how}${why}.`
}

/** `--` separates the user from the command, and is no word of it. @throws MSG_ERR_USAGE */
function wordsOf(line: string): string[] {
  const words = splitWords(line.replace(/^\s*--(?:\s+|$)/u, ''))
  if (words.length === 0)
    throw new MsgError('MSG_ERR_USAGE', { detail: 'exec needs a command: exec <user> -- <command and its words>' })
  return words
}

const commandsText = (count: number): string => `${count} ${count === 1 ? 'command' : 'commands'}`

function recordText(record: Readonly<Record<string, unknown>>): string {
  const { at, side, event, user, argv, refusal, code, signal, cause } = record
  const words = Array.isArray(argv) ? shownWords(argv.map(String)) : ''
  const more = [refusal, code, signal, cause].filter((part) => part !== undefined).join(' ')
  return `${String(at)}  ${String(side)}  ${String(event)}  ${String(user)}  ${words}  ${more}`.trimEnd()
}
