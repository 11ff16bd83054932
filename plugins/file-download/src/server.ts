import { basename } from 'node:path'
import { defineServerPlugin, MsgError, type TransferEvent } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'
import { amount } from './amount.ts'
import { protocol } from './protocol.ts'
import { Shelf } from './shelf.ts'

const options = v.object({
  /** Directory whose files and folders are on the shelf. */
  files: v.pipe(v.string(), v.minLength(1)),
})

/** The server's half: lists the shelf, sends what is asked for, tells who downloads what. */
export default defineServerPlugin({
  protocol,
  options,
  // Nothing is on a shelf until somebody says what.
  optIn: true,
  async setup(server, { files }) {
    const shelf = await Shelf.open(files)
    const { transfers } = server
    /** What each download is, by session and id. */
    const downloads = new Map<string, Download>()

    server.handle('list', async ({ folder, after }) => {
      const { items, next } = await shelf.list(folder, after)
      return { items, next }
    })

    server.handle('get', async ({ path, id }, session) => {
      const real = await shelf.find(path)
      const name = basename(path)
      const key = keyOf(session.id, id)
      const known = downloads.get(key)
      if (
        known === undefined &&
        [...downloads.keys()].filter((other) => other.startsWith(session.id)).length >= MAX_AT_ONCE
      )
        throw new MsgError('MSG_ERR_LIMIT', { detail: `${MAX_AT_ONCE} downloads of one client at a time` })
      downloads.set(key, known ?? { path, size: 0, tenth: 0 })
      try {
        const { kind, size } = await transfers.offer(session, { id, path: real, name, skipHidden: true })
        downloads.set(key, { path, size, tenth: known?.tenth ?? 0 })
        return { name, kind, size }
      } catch (error) {
        if (!known) downloads.delete(key)
        // Where things lie on this machine is nobody's business.
        if (MsgError.is(error) && error.code === 'MSG_ERR_FILE_UNKNOWN')
          throw new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: path })
        throw error
      }
    })

    transfers.onEvent((event, session) => {
      const key = keyOf(session.id, event.id)
      const download = downloads.get(key)
      if (!download) return
      const facts = { user: session.user, path: download.path, id: event.id, size: download.size }
      const told = saying(event, session.user, download)
      if (told) server.event(told.name, told.text, { ...facts, ...told.facts })
      if (OVER.has(event.type)) downloads.delete(key)
    })
  },
})

interface Download {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Tenths of it that were told. */
  tenth: number
}

interface Saying {
  readonly name: string
  readonly text: string
  readonly facts: Readonly<Record<string, string | number>>
}

/** What the server's log says of an event, if anything. */
function saying(event: TransferEvent, user: string, download: Download): Saying | undefined {
  const { path, size } = download
  switch (event.type) {
    case 'transfer.started':
      return { name: 'download.started', text: `${user} downloads ${path} (${amount(size)})`, facts: {} }
    case 'transfer.progress': {
      const tenth = size > 0 ? Math.floor((10 * event.bytes) / size) : 0
      if (tenth <= download.tenth || tenth >= 10) return undefined
      download.tenth = tenth
      const rate = Math.round(event.rate)
      return {
        name: 'download.progress',
        text: `${user} has ${tenth * 10} % of ${path}, ${amount(rate)}/s`,
        facts: { bytes: event.bytes, rate },
      }
    }
    case 'transfer.done':
      return {
        name: 'download.done',
        text: `${user} has all of ${path}: ${amount(event.bytes)} in ${event.seconds.toFixed(1)} s, ${event.megabytesPerSecond.toFixed(1)} MB/s`,
        facts: { bytes: event.bytes, seconds: event.seconds, rate: Math.round(event.megabytesPerSecond * 1_000_000) },
      }
    case 'transfer.stopped':
    case 'transfer.declined':
      return { name: 'download.stopped', text: `${user} stopped downloading ${path}`, facts: {} }
    case 'transfer.failed':
      return {
        name: 'download.failed',
        text: `${user} could not download ${path}: ${event.message}`,
        facts: { code: event.code },
      }
    default:
      return undefined
  }
}

const keyOf = (session: string, id: string): string => `${session} ${id}`
const OVER: ReadonlySet<string> = new Set(['transfer.done', 'transfer.failed', 'transfer.stopped', 'transfer.declined'])
/** Of one client. */
const MAX_AT_ONCE = 64
