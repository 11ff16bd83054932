import { homedir } from 'node:os'
import { join } from 'node:path'
import { MsgError } from '../../core/errors.ts'
import type { Client, TransferStatus } from '../../core/index.ts'
import { rateText, readFraction, readRate } from '../bytes.ts'
import { visible } from '../../core/wire/visible.ts'
import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { offerLines, totalText } from '../render/offer.ts'
import { offersTable, shortId, transfersTable } from '../render/transfers.ts'

const send = lineCommand({
  name: 'file send',
  summary: 'offer a file or folder to the one or the room you talk to; `as <name>` calls it something else',
  arguments: [{ name: 'path', kind: 'path', rest: true }],
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
  run: async (session: ClientSession) => ({ transfers: session.client.transfers().filter(isOffered) }),
  text: ({ transfers }, palette) => offersTable(transfers, palette),
})

const show = lineCommand({
  name: 'file show',
  summary: 'what is in an offer: every name, every size and the total',
  arguments: [{ name: 'id', kind: 'transfer', optional: true }],
  background: true,
  async run(session: ClientSession, values) {
    const { client } = session
    const id = values.optional('id') ?? only(session, isOffered)
    const { entries } = await client.transferContents(id)
    return { transfer: transferOf(session, id), entries }
  },
  text: ({ transfer, entries }, palette) => {
    const { with: from, direction } = transfer
    const offer = { ...transfer, from: direction === 'in' ? (from ?? '') : 'you' }
    return [...offerLines({ ...offer, entries }, palette, SHOWN), totalText(entries)]
  },
})

const accept = lineCommand({
  name: 'file accept',
  summary: 'receive what is offered, or go on with what was stopped; --to <folder>, here otherwise',
  arguments: [{ name: 'id', kind: 'transfer', optional: true }],
  options: { to: { value: 'folder', kind: 'path' }, limit: { value: 'rate' }, checkpoint: { value: 'share' } },
  async run(session: ClientSession, values) {
    const id = values.optional('id') ?? only(session, isOffered)
    const to = values.optional('to')
    const limit = values.optional('limit')
    const checkpoint = values.optional('checkpoint')
    return {
      transfer: await session.client.acceptTransfer(id, {
        ...(to === undefined ? {} : { to: expanded(to) }),
        ...(limit === undefined ? {} : { limit: readRate(limit) }),
        ...(checkpoint === undefined ? {} : { checkpoint: readFraction(checkpoint) }),
      }),
    }
  },
  // The `transfer.started` event says it.
  text: () => [],
})

const decline = lineCommand({
  name: 'file decline',
  summary: 'say no to what is offered',
  arguments: [{ name: 'id', kind: 'transfer', optional: true }],
  async run(session: ClientSession, values) {
    const id = values.optional('id') ?? only(session, isOffered)
    return { transfer: await session.client.declineTransfer(id) }
  },
  text: ({ transfer }, palette) => [`Declined ${palette.strong(visible(transfer.name))}.`],
})

const pause = steering({
  name: 'file pause',
  summary: 'let a transfer rest',
  states: ['active', 'waiting'],
  act: (client, id) => client.pauseTransfer(id),
})

const goOn = steering({
  name: 'file continue',
  summary: 'let a paused transfer go on',
  states: ['paused'],
  act: (client, id) => client.continueTransfer(id),
})

const stop = steering({
  name: 'file stop',
  summary: 'end a transfer; what was received is kept, and `file accept` goes on with it',
  states: ['active', 'waiting', 'paused'],
  act: (client, id) => client.stopTransfer(id),
})

const limit = lineCommand({
  name: 'file limit',
  summary: 'no faster than this: one transfer, or everything you send; `off` lifts it',
  arguments: [{ name: 'rate' }, { name: 'id', kind: 'transfer', optional: true }],
  async run({ client }: ClientSession, values) {
    const typed = values.text('rate')
    const bytesPerSecond = typed.toLowerCase() === 'off' ? null : readRate(typed)
    const id = values.optional('id')
    await client.setTransferLimit(bytesPerSecond, id)
    return { bytesPerSecond, id: id ?? null }
  },
  text: ({ bytesPerSecond, id }) => [
    `${bytesPerSecond === null ? 'No limit' : `At most ${rateText(bytesPerSecond)}`} for ${id === null ? 'everything you send' : visible(id)}.`,
  ],
})

const priority = lineCommand({
  name: 'file priority',
  summary: 'which of what you send goes first: high, normal or low',
  arguments: [
    { name: 'id', kind: 'transfer' },
    { name: 'priority', kind: 'priority' },
  ],
  async run({ client }: ClientSession, values) {
    const id = values.text('id')
    const wanted = PRIORITIES.find((one) => one === values.text('priority').toLowerCase())
    if (wanted === undefined) throw new MsgError('MSG_ERR_USAGE', { detail: `a priority is ${PRIORITIES.join(', ')}` })
    await client.setTransferPriority(id, wanted)
    return { id, priority: wanted }
  },
  text: ({ id, priority: wanted }) => [`Priority of ${visible(id)}: ${wanted}.`],
})

/** Commands about files. */
export const FILE_COMMANDS = [send, list, offers, show, accept, decline, pause, goOn, stop, limit, priority]

/** What a person chooses from. */
export const PRIORITIES = ['high', 'normal', 'low'] as const

/** Commands that only say which transfer: their events say what became of it. */
function steering({ name, summary, states, act }: Steering) {
  return lineCommand({
    name,
    summary,
    arguments: [{ name: 'id', kind: 'transfer', optional: true }],
    async run(session: ClientSession, values) {
      const id = values.optional('id') ?? only(session, ({ state }) => states.includes(state))
      return { transfer: await act(session.client, id) }
    },
    text: () => [],
  })
}

interface Steering {
  readonly name: string
  readonly summary: string
  /** Of transfers that can be meant. */
  readonly states: ReadonlyArray<TransferStatus['state']>
  readonly act: (client: Client, id: string) => Promise<TransferStatus>
}

const isOffered = ({ direction, state }: TransferStatus): boolean => direction === 'in' && state === 'offered'

function transferOf({ client }: ClientSession, id: string): TransferStatus {
  const found = client.transfers().find((one) => one.id.startsWith(id.toLowerCase()))
  if (found) return found
  throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: id })
}

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
/** Names that are listed on a terminal; JSON has all. */
const SHOWN = 1_000
