import { MsgError } from '../../core/errors.ts'
import type { ClientEvent } from '../../core/index.ts'
import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { visible } from '../../core/wire/visible.ts'

const open = lineCommand({
  name: 'open',
  short: 'o',
  summary: 'ask somebody to talk, and wait for the answer',
  arguments: [{ name: 'user', kind: 'user' }],
  background: true,
  run: (session: ClientSession, values) => session.client.open(values.text('user'), { signal: session.ended }),
  // The `session.opened` event says it already.
  text: () => [],
})

const accept = lineCommand({
  name: 'accept',
  summary: 'talk to somebody who asked; --always accepts them unasked from now on',
  arguments: [{ name: 'user', kind: 'request', optional: true }],
  options: { always: {} },
  async run(session: ClientSession, values) {
    const user = values.optional('user') ?? onlyRequest(session)
    const always = values.has('always')
    const isAwaited = session.ask === undefined && !isRequested(session, user)
    if (!isAwaited) return await session.client.accept(user, { always })
    return await acceptWhenAsked(session, user, always)
  },
  text: () => [],
})

const decline = lineCommand({
  name: 'decline',
  summary: 'say no to somebody who asked; --busy says that you are busy',
  arguments: [{ name: 'user', kind: 'request', optional: true }],
  options: { busy: {} },
  async run(session: ClientSession, values) {
    const user = values.optional('user') ?? onlyRequest(session)
    return await session.client.decline(user, { reason: values.has('busy') ? 'busy' : 'declined' })
  },
  text: ({ user }, { name }) => [`Declined ${name(visible(user))}.`],
})

/** Commands that open sessions. */
export const SESSION_COMMANDS = [open, accept, decline]

/** Without a name the one who asked is meant, when there is only one. */
function onlyRequest({ client }: ClientSession): string {
  const [user, ...others] = client.requests
  if (user === undefined) throw new MsgError('MSG_ERR_REQUEST_UNKNOWN', { detail: 'nobody' })
  if (others.length > 0) throw new MsgError('MSG_ERR_USAGE', { detail: `who? ${client.requests.join(', ')} asked` })
  return user
}

/** A script cannot see when the request comes, so it is waited for; one that was accepted by policy meanwhile is fine too. */
async function acceptWhenAsked(session: ClientSession, user: string, always: boolean): Promise<{ user: string }> {
  const name = await nameOf(session, user)
  const isOpen = session.client
    .conversations()
    .some(({ conversation }) => conversation.kind === 'session' && isSameName(conversation.user, name))
  if (isOpen) return { user: name }
  const event = isRequested(session, name)
    ? undefined
    : await session.event((candidate) => isSameName(otherOf(candidate), name), REQUEST_WAIT_MS)
  if (event?.type === 'session.opened') return { user: event.with }
  return await session.client.accept(name, { always })
}

/** A virtual address names an account; requests carry its name. */
async function nameOf({ client }: ClientSession, user: string): Promise<string> {
  if (!/^\d+\.\d+\.\d+\.\d+$/u.test(user)) return user
  const users = await client.users()
  return users.find(({ virtualAddress }) => virtualAddress === user)?.user ?? user
}

function otherOf(event: ClientEvent): string {
  if (event.type === 'session.request') return event.from
  return event.type === 'session.opened' ? event.with : ''
}

function isRequested({ client }: ClientSession, user: string): boolean {
  return client.requests.some((from) => isSameName(from, user))
}

function isSameName(a: string, b: string): boolean {
  return a.normalize('NFKC').toLowerCase() === b.normalize('NFKC').toLowerCase()
}

/** How long a script's `accept` waits for the request, milliseconds. */
const REQUEST_WAIT_MS = 30_000
