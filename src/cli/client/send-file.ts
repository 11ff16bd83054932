import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClientEvent, SendOptions, TransferStatus } from '../../core/index.ts'
import { MsgError } from '../../core/errors.ts'
import { visible } from '../../core/wire/visible.ts'
import { bytesText } from '../bytes.ts'
import type { Palette } from '../render/palette.ts'
import type { OneShot } from './one-shot.ts'
import { TransferProgress } from './transfer-progress.ts'
import type { TransferScreen } from './transfer-screen.ts'

/** What `msg client send-file` was asked to send. */
export interface Shipment {
  readonly to: string
  readonly content: { readonly paths: readonly string[] } | { readonly stream: Readable }
  /** `name`: what the receiver sees instead of the file's own. */
  readonly options: SendOptions
}

/**
 * Opens a session, offers, and waits until the receiver has verified and landed everything. `--timeout` counts only while nothing moves.
 *
 * When it is to stop, the receiver is told, and keeps what has arrived.
 *
 * @throws what became of it: MSG_ERR_TRANSFER_DECLINED, MSG_ERR_TRANSFER_STOPPED, …; the signal's reason.
 */
export async function sendFile(
  oneShot: OneShot,
  shipment: Shipment,
  screen: TransferScreen,
  palette: Palette,
): Promise<void> {
  const { client, signal } = oneShot
  const events = client.events()
  // What this user has open in other terminals was told at sign-in; the answer to a request comes after it.
  await client.rooms()
  const before = client
    .conversations()
    .flatMap(({ conversation }) => (conversation.kind === 'session' ? conversation.user : []))
  const { user } = await client.open(shipment.to, { signal })
  oneShot.moved()
  const progress = new TransferProgress({
    transfers: () => client.transfers(),
    draw: (moving) => screen.progress(moving),
  })
  try {
    const transfer = await offer(oneShot, user, shipment)
    const { id } = transfer
    screen.tell({ type: 'offered', transfer }, [
      palette.dim(`Offered ${palette.strong(visible(transfer.name))}${sizeText(transfer)} to`) +
        ` ${palette.name(visible(user))}; waiting for the answer.`,
    ])
    try {
      await outcome(oneShot, user, id, events, (event) => {
        screen.event(event, OVER.has(event.type))
        progress.handleEvent(event)
      })
    } catch (error) {
      progress.close()
      // Nobody goes on with it behind the back of whoever was told that it has ended.
      await client.stopTransfer(id).catch(() => {})
      const isResumable = transfer.kind !== 'stream'
      const { bytes } = client.transfers().find((one) => one.id === id) ?? transfer
      if (signal.aborted && bytes > 0) screen.note(isResumable ? [GOES_ON] : [STARTS_ANEW])
      // The other side hears of it before the link goes.
      await delay(LAST_WORD_MS)
      throw error
    }
  } finally {
    progress.close()
    if (!before.includes(user) && client.connected)
      await client.leave({ conversation: { kind: 'session', user } }).catch(() => {})
  }
}

async function offer({ client }: OneShot, user: string, { content, options }: Shipment): Promise<TransferStatus> {
  if ('stream' in content)
    return await client.sendStream(user, content.stream, { ...options, name: options.name ?? 'stdin' })
  return await client.sendFiles(user, content.paths, options)
}

/** Takes events until it is over. */
async function outcome(
  { signal, moved, rest }: OneShot,
  user: string,
  id: string,
  events: AsyncIterableIterator<ClientEvent>,
  tell: (event: ClientEvent) => void,
): Promise<void> {
  let gone: Promise<'gone'> | undefined
  const aborted = new Promise<'aborted'>((resolve) =>
    signal.addEventListener('abort', () => resolve('aborted'), { once: true }),
  )
  for (;;) {
    const next = await Promise.race([events.next(), aborted, ...(gone ? [gone] : [])])
    if (next === 'aborted') throw signal.reason
    if (next === 'gone') throw new MsgError('MSG_ERR_USER_OFFLINE', { detail: user })
    if (next.done) throw new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'while sending' })
    const event = next.value
    if (event.type === 'session.closed' && event.with === user && event.by === 'them') gone ??= leaving()
    if (event.type === 'session.opened' && event.with === user) gone = undefined
    const isOther = event.type.startsWith('transfer.') && 'id' in event && event.id !== id
    if (isOther) continue
    tell(event)
    if (!('id' in event) || event.id !== id) continue
    moved()
    if (event.type === 'transfer.done') return
    if (event.type === 'transfer.paused') rest()
    else if (event.type === 'transfer.failed') throw MsgError.told(event)
    else if (event.type === 'transfer.declined') throw new MsgError('MSG_ERR_TRANSFER_DECLINED', { detail: event.name })
    else if (event.type === 'transfer.stopped')
      throw new MsgError('MSG_ERR_TRANSFER_STOPPED', { detail: `${user} ended it` })
  }
}

const sizeText = ({ size, kind, files }: TransferStatus): string => {
  const amount =
    size === null ? '' : ` (${bytesText(size)}${kind === 'folder' ? `, ${files.toLocaleString('en')} items` : ''})`
  return amount
}

/** The last word of somebody who leaves may come after the server's word of it. */
async function leaving(): Promise<'gone'> {
  await delay(GONE_MS, undefined, { ref: false })
  return 'gone'
}

/** Time for an acknowledgement and a retransmission, milliseconds. */
const LAST_WORD_MS = 300
const GONE_MS = 1_500
const OVER: ReadonlySet<string> = new Set<ClientEvent['type']>([
  'transfer.done',
  'transfer.declined',
  'transfer.failed',
  'transfer.stopped',
])
const GOES_ON = 'What has arrived is kept: the same command again goes on from there.'
const STARTS_ANEW = 'What came from stdin cannot go on: it has to be sent anew.'
