import { homedir } from 'node:os'
import type { Readable } from 'node:stream'
import { defineClientPlugin, MsgError, type ClientPlugin } from 'msg-cli/plugin'
import { AuditLog } from './audit/audit-log.ts'
import { auditFolder } from './audit/audit-folder.ts'
import { execCommands } from './prompt.ts'
import { peerOf } from './peer.ts'
import { Grants } from './policy/grants.ts'
import { options, type ExecOptions } from './policy/options.ts'
import { protocol } from './protocol.ts'
import { procTable } from './run/family.ts'
import { Guardian } from './run/guardian.ts'
import { Run } from './run/runner.ts'
import { findWrappers } from './run/wrappers.ts'
import { Target } from './target.ts'
import { ReplayGuard, type NonceStore, type Seen } from './wire/replay-guard.ts'
import type { Party } from './wire/request.ts'

/** A process that asks for one command and is there for nothing else. */
export interface Foreground {
  readonly stdin: Readable | undefined
  readonly onAsking: () => void
  readonly onStarted: (run: string) => void
  /** Nothing more is read until it resolves. */
  readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void | Promise<void>
  /** Ctrl-C while the command runs. @returns stops it */
  readonly onInterrupt: (send: () => void) => () => void
}

/**
 * The client's half, both ends of it: asks others, and answers them as the configuration says.
 *
 * @param foreground - of a one-shot command, which answers nobody.
 */
export function remoteExec(foreground?: Foreground): ClientPlugin<typeof protocol, ExecOptions> {
  return defineClientPlugin<typeof protocol, ExecOptions>({
    protocol,
    options,
    setup(client, settings) {
      const self = (): Party => {
        const identity = client.self()
        if (!identity) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
        return { user: identity.user, key: Buffer.from(identity.deviceKey, 'base64url') }
      }
      let log: AuditLog | undefined
      const audit = (): AuditLog => {
        const identity = client.self()
        if (!identity) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
        return (log ??= new AuditLog({ folder: auditFolder(settings.auditDir, identity, process.env, homedir()) }))
      }
      const guardian = new Guardian()
      const wrappers = findWrappers()
      const table = procTable()
      const grants = new Grants()
      // The storage is that of who is signed in: it is there when the first stream is.
      let opening: Promise<ReplayGuard> | undefined
      const replay = (): Promise<ReplayGuard> => {
        opening ??= ReplayGuard.open(nonceStore(client.storage))
        opening.catch(() => (opening = undefined))
        return opening
      }
      const target = new Target({
        options: settings,
        self,
        verify: (key, bytes, signature) => client.isSignedBy(Buffer.from(key).toString('base64url'), bytes, signature),
        replay: { admit: async (...given) => (await replay()).admit(...given) },
        grants,
        now: () => client.timers.now(),
        isRoot: process.getuid?.() === 0,
        isSupported: process.platform !== 'win32',
        home: homedir(),
        confirm: ({ details, question }, signal) => client.confirm(question, { details, signal }),
        record: (facts) => audit().append(facts),
        start: (given) => Run.start(given, { wrappers, table, guardian }),
        tell: (name, text, facts) => client.event(name, text, facts),
        env: process.env,
      })
      client.onClose(async () => {
        await target.close()
        guardian.close()
      })
      if (foreground === undefined) client.streams.accept((stream) => target.accept(stream, peerOf(stream.peer)))
      for (const command of execCommands({ client, target, grants, self, audit, foreground })) client.command(command)
    },
  })
}

export default remoteExec()

/** One value of the plugin's storage. */
function nonceStore(storage: {
  get(key: string): Promise<unknown>
  put(key: string, value: unknown): Promise<void>
}): NonceStore {
  return {
    async load() {
      const seen = (await storage.get(KEY)) as Seen | undefined
      return Array.isArray(seen?.nonces) && typeof seen.floor === 'number' ? seen : undefined
    },
    save: (seen) => storage.put(KEY, seen),
  }
}

const KEY = 'seen'
