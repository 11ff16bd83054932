import { defineServerPlugin, MsgError, type PluginSession } from 'msg-cli/plugin'
import { noticeFor } from './notice.ts'
import { options } from './options.ts'
import { People, type Audience } from './people.ts'
import { protocol, type Notice, type Seen } from './protocol.ts'
import { SeenLog } from './seen-log.ts'
import type { Batch } from './notice-batcher.ts'

type Wants = Readonly<Record<Audience, boolean>>

/** The server's half: who is here, and whom to tell of it. */
export default defineServerPlugin({
  protocol,
  options,
  async setup(server, { names, lastSeen, ...timing }) {
    const { metrics, timers } = server
    const notices = metrics.counter('notices', 'notices sent, each to one connection')
    const batches = metrics.counter('batches', 'notices about more than one user, before they were sent')
    const here = metrics.gauge('people', 'users who can be seen')
    const people = new People(timing)
    /** What connections want to hear of, where they have said so. */
    const wants = new Map<string, Wants>()
    const log = lastSeen ? await remembered() : undefined
    if (!lastSeen) await SeenLog.erase(server.storage)
    let cancel = (): void => {}
    let timerAt = Infinity
    /** Notices go out one after the other. */
    let telling: Promise<void> = Promise.resolve()

    async function remembered(): Promise<SeenLog> {
      const now = timers.now()
      const { log: opened, expected } = await SeenLog.open(server.storage, now, RESTART_MS)
      for (const { user, at } of expected) people.expect(user, at, now + EXPECT_MS)
      return opened
    }

    const run = (): void => {
      const now = timers.now()
      for (let output = people.poll(now); output; output = people.poll(now)) {
        const { kind } = output
        if (kind !== 'notice') log?.put({ user: output.user, at: output.at, isHere: kind === 'here' })
        else {
          const { audience, batch } = output
          const at = new Date(now).toISOString()
          telling = telling.then(() => tell(audience, batch, at))
        }
      }
      const next = people.pollTimeout() ?? Infinity
      if (next === timerAt) return
      cancel()
      timerAt = next
      if (next === Infinity) return
      cancel = timers.after(Math.max(0, next - now), () => {
        timerAt = Infinity
        run()
      })
    }

    /** Many connections are told some at a time: the server has other things to do. */
    const tell = async (audience: Audience, batch: Batch, at: string): Promise<void> => {
      const users = [...batch.values()].flat()
      if (users.length > 1) batches.add()
      const subjects = new Set(users)
      const forOthers = noticeFor(batch, at, names)
      let told = 0
      for (const session of server.sessions()) {
        if (!session.listening || !(wants.get(session.id) ?? DEFAULT_WANTS)[audience]) continue
        const notice = subjects.has(session.user) ? noticeFor(batch, at, names, session.user) : forOthers
        if (notice && send(session, notice)) notices.add()
        if (++told % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }

    server.hook('user:visible', ({ user, isVisible }) => {
      people.handleVisible(timers.now(), user, isVisible)
      here.set(people.size)
      run()
    })
    server.hook('session:open', ({ id, user, listening }) => {
      if (!listening) return
      people.handleOpen(timers.now(), id, user)
      run()
    })
    server.hook('session:close', ({ id, user }) => {
      wants.delete(id)
      people.handleClosed(timers.now(), id, user)
      run()
    })

    server.handle('want', (given, { id }) => void wants.set(id, given))
    server.handle('idle', ({ forMs }, { id, user }) => {
      const now = timers.now()
      // What a client says may be no time at all.
      people.handleIdle(now, id, user, forMs === null ? undefined : Math.max(0, now - forMs))
      run()
    })

    server.handle('who', ({ after = '' }) => {
      const found = people
        .all()
        .filter(({ user }) => user > after)
        .sort((a, b) => (a.user < b.user ? -1 : 1))
      const page = found.slice(0, PAGE)
      return {
        now: new Date(timers.now()).toISOString(),
        people: page.map(({ user, state, since }) => ({ user, state, since: new Date(since).toISOString() })),
        next: found.length > PAGE ? page.at(-1)!.user : null,
      }
    })

    server.handle('seen', ({ user }): Seen => {
      if (!log)
        throw new MsgError('MSG_ERR_NOT_PERMITTED', { detail: 'this server does not remember who was seen when' })
      const now = new Date(timers.now()).toISOString()
      const sighting = log.find(user)
      if (!sighting) return { user: user.slice(0, MAX_NAME), state: 'unknown', at: null, now }
      const { user: name } = sighting
      const person = people.find(name)
      if (person) return { user: name, state: person.state, at: new Date(person.since).toISOString(), now }
      const at = people.wentAt(name) ?? sighting.at
      return { user: name, state: 'gone', at: new Date(at).toISOString(), now }
    })

    if (!log) return
    timers.every(FLUSH_MS, async () => {
      while (await log.flush(timers.now(), AT_ONCE)) await new Promise((resolve) => setImmediate(resolve))
    })
    server.onClose(async () => void (await log.flush(timers.now())))
  },
})

/** Whoever does not read, or is gone, hears nothing: it will be of no use later. */
function send(session: PluginSession<typeof protocol>, notice: Notice): boolean {
  try {
    session.send('notice', notice)
    return true
  } catch {
    return false
  }
}

const DEFAULT_WANTS: Wants = { joins: true, away: false }
/** A server that was away for longer, milliseconds, tells everybody who comes. */
const RESTART_MS = 120_000
/** How long those who were here before a restart have to come back, milliseconds: longer than their clients wait between attempts. */
const EXPECT_MS = 60_000
/** How often what was seen is written, milliseconds. */
const FLUSH_MS = 5_000
/** What is done in one go: connections told, entries written. */
const AT_ONCE = 256
/** People in a page. */
const PAGE = 200
/** Most of a name that nobody has, UTF-16 units. */
const MAX_NAME = 64
