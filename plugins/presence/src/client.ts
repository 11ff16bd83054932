import { defineClientPlugin, MsgError } from 'msg-cli/plugin'
import { duration } from './duration.ts'
import { sentence } from './notice.ts'
import { options } from './options.ts'
import { protocol, type Person, type Seen } from './protocol.ts'

/** The client's half: tells who comes and goes, and the server whether somebody is there. */
export default defineClientPlugin({
  protocol,
  options,
  setup(client, { awayAfterMinutes, awayNotices }) {
    const { timers } = client
    const awayAfterMs = Math.ceil(awayAfterMinutes * 60_000)
    /** What was said at the prompt on this device; the profile opens with the first sign-in. */
    let isMuted: Promise<boolean> = Promise.resolve(false)
    /** When somebody last typed; a client to which nobody types is never away. */
    let typedAt: number | undefined
    let isAway = false
    let isWatching = false

    const isMutedHere = (): Promise<boolean> =>
      client.storage.get(MUTED).then(
        (value) => value === true,
        () => false,
      )
    const want = async (): Promise<void> => {
      const joins = !(await isMuted)
      await client.send('want', { joins, away: joins && awayNotices })
    }
    const tellIdle = (): void => {
      const forMs = isAway && typedAt !== undefined ? timers.now() - typedAt : null
      // Told again after the next sign-in.
      client.send('idle', { forMs }).catch(() => {})
    }
    const watch = (): void => {
      isWatching = true
      timers.after(Math.max(1, awayAfterMs - (timers.now() - typedAt!)), () => {
        isWatching = false
        if (timers.now() - typedAt! < awayAfterMs) watch()
        else {
          isAway = true
          tellIdle()
        }
      })
    }

    client.hook('input', () => {
      typedAt = timers.now()
      if (isAway) {
        isAway = false
        tellIdle()
      }
      if (awayAfterMs > 0 && !isWatching) watch()
    })
    client.hook('event', async (event) => {
      if (event.type !== 'signed-in') return
      isMuted = isMutedHere()
      if ((await isMuted) || awayNotices) await want().catch(() => {})
      if (isAway) tellIdle()
    })

    client.handle('notice', async (notice) => {
      if (await isMuted) return
      const { at } = notice
      for (const change of ['joined', 'left', 'away', 'back'] as const) {
        const group = notice[change]
        if (group && group.users.length > 0)
          client.event(change, sentence(change, group), { users: group.users, count: group.count, at })
      }
    })

    client.command({
      name: 'who',
      summary: 'who is here, and who is away',
      async run() {
        const people: Person[] = []
        let after: string | undefined
        let now = ''
        while (people.length < MAX_LISTED) {
          const page = await client.request('who', after === undefined ? {} : { after })
          people.push(...page.people)
          now = page.now
          if (page.next === null) break
          // A server that goes round in circles is not followed.
          if (after !== undefined && page.next <= after)
            throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'the list of people does not end' })
          after = page.next
        }
        return { people, now }
      },
      text: ({ people, now }, visible) => {
        if (people.length === 0) return ['Nobody can be seen.']
        const width = Math.max(...people.map(({ user }) => user.length))
        return people.map(
          ({ user, state, since }) => `${visible(user.padEnd(width))}  ${state}  ${duration(between(since, now))}`,
        )
      },
    })

    client.command({
      name: 'last seen',
      short: 'seen',
      summary: 'when somebody was last here',
      arguments: [{ name: 'user', kind: 'user' }],
      run: (values) => client.request('seen', { user: values.text('user').slice(0, MAX_NAME) }),
      text: (seen, visible) => [seenLine(seen, visible(seen.user))],
    })

    const mute = async (muted: boolean): Promise<{ muted: boolean }> => {
      if (muted) await client.storage.put(MUTED, true)
      else await client.storage.delete(MUTED)
      isMuted = Promise.resolve(muted)
      await want()
      return { muted }
    }
    client.command({
      name: 'presence mute',
      summary: 'tell nothing of who comes and goes, here and from now on',
      run: () => mute(true),
      text: () => ['Who comes and goes is not told any more; presence unmute tells it again.'],
    })
    client.command({
      name: 'presence unmute',
      summary: 'tell who comes and goes again',
      run: () => mute(false),
      text: () => ['Who comes and goes is told again.'],
    })
  },
})

function seenLine({ state, at, now }: Seen, name: string): string {
  if (at === null) return `Nothing is known of when ${name} was here.`
  const length = duration(between(at, now))
  if (state === 'here') return `${name} is here, for ${length}.`
  if (state === 'away') return `${name} is here, and away for ${length}.`
  return `${name} was last here ${length} ago (${at.slice(0, 16).replace('T', ' ')} UTC).`
}

const between = (from: string, to: string): number => Date.parse(to) - Date.parse(from)

/** Key in the storage. */
const MUTED = 'muted'
/** Enough to be read. */
const MAX_LISTED = 10_000
/** Most of what is taken for a name, UTF-16 units. */
const MAX_NAME = 64
