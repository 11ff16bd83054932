import { homedir } from 'node:os'
import { join } from 'node:path'
import { MsgError } from '../../core/errors.ts'
import type { TransferStatus } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { shortId, transfersTable } from '../render/transfers.ts'

const send = lineCommand({
  name: 'file send',
  summary: 'offer a file or folder to the one or the room you talk to; `as <name>` calls it something else',
  arguments: [{ name: 'path', rest: true }],
  async run(session: ClientSession, values) {
    const { conversation } = session.client
    if (conversation === undefined) throw new MsgError('MSG_ERR_NO_CONVERSATION')
    const [, path = '', name] = WITH_NAME.exec(values.text('path')) ?? []
    const options = name === undefined ? {} : { name }
    return {
      transfer: await session.client.sendFiles(
        conversation.kind === 'room' ? { room: conversation.room } : conversation.user,
        [expanded(path)],
        options,
      ),
    }
  },
  text: ({ transfer }, palette) => [
    `Offered ${palette.strong(visible(transfer.name))} to ${palette.name(visible(transfer.with ?? transfer.room ?? ''))} (${shortId(transfer.id)}).`,
  ],
})

const list = lineCommand({
  name: 'file list',
  summary: 'what is offered, on its way, and done',
  run: async (session: ClientSession) => ({ transfers: session.client.transfers() }),
  text: ({ transfers }, palette) => transfersTable(transfers, palette),
})

const offers = lineCommand({
  name: 'file offers',
  summary: 'what others offer you',
  run: async (session: ClientSession) => ({
    transfers: session.client.transfers().filter(({ direction, state }) => direction === 'in' && state === 'offered'),
  }),
  text: ({ transfers }, palette) => transfersTable(transfers, palette),
})

const accept = lineCommand({
  name: 'file accept',
  summary: 'receive what is offered, or go on with what was stopped; --to <folder>, here otherwise',
  arguments: [{ name: 'id', optional: true }],
  options: { to: { value: 'folder' } },
  async run(session: ClientSession, values) {
    const id =
      values.optional('id') ?? only(session, ({ direction, state }) => direction === 'in' && state === 'offered')
    const to = values.optional('to')
    return { transfer: await session.client.acceptTransfer(id, to === undefined ? {} : { to: expanded(to) }) }
  },
  // The `transfer.started` event says it.
  text: () => [],
})

const decline = lineCommand({
  name: 'file decline',
  summary: 'say no to what is offered',
  arguments: [{ name: 'id', optional: true }],
  async run(session: ClientSession, values) {
    const id =
      values.optional('id') ?? only(session, ({ direction, state }) => direction === 'in' && state === 'offered')
    return { transfer: await session.client.declineTransfer(id) }
  },
  text: ({ transfer }, palette) => [`Declined ${palette.strong(visible(transfer.name))}.`],
})

const pause = lineCommand({
  name: 'file pause',
  summary: 'let a transfer rest',
  arguments: [{ name: 'id', optional: true }],
  async run(session: ClientSession, values) {
    const id = values.optional('id') ?? only(session, ({ state }) => state === 'active' || state === 'waiting')
    return { transfer: await session.client.pauseTransfer(id) }
  },
  // The events of these three say it.
  text: () => [],
})

const goOn = lineCommand({
  name: 'file continue',
  summary: 'let a paused transfer go on',
  arguments: [{ name: 'id', optional: true }],
  async run(session: ClientSession, values) {
    const id = values.optional('id') ?? only(session, ({ state }) => state === 'paused')
    return { transfer: await session.client.continueTransfer(id) }
  },
  text: () => [],
})

const stop = lineCommand({
  name: 'file stop',
  summary: 'end a transfer; what was received is kept, and `file accept` goes on with it',
  arguments: [{ name: 'id', optional: true }],
  async run(session: ClientSession, values) {
    const id = values.optional('id') ?? only(session, ({ state }) => ['active', 'waiting', 'paused'].includes(state))
    return { transfer: await session.client.stopTransfer(id) }
  },
  text: () => [],
})

/** Commands about files. */
export const FILE_COMMANDS = [send, list, offers, accept, decline, pause, goOn, stop]

/** Without an id the one transfer is meant that it can be. */
function only({ client }: ClientSession, isMeant: (transfer: TransferStatus) => boolean): string {
  const [first, ...others] = client.transfers().filter(isMeant)
  if (first === undefined) throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: 'any' })
  if (others.length === 0) return first.id
  const ids = [first, ...others].map(({ id }) => shortId(id)).join(', ')
  throw new MsgError('MSG_ERR_USAGE', { detail: `which? ${ids}` })
}

/** A shell would have done it. */
const expanded = (path: string): string => (/^~(?=\/|$)/u.test(path) ? join(homedir(), path.slice(1)) : path)

const WITH_NAME = /^(.*?)(?:\s+as\s+(\S.*?))?\s*$/su
