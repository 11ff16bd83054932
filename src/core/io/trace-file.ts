import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createWriteStream, ftruncateSync, openSync } from 'node:fs'
import { MsgError } from '../errors.ts'
import type { TraceEvent } from '../transport/trace.ts'

/** What {@link traceLinks} takes. */
export interface TraceLinksOptions {
  /** The file cannot be written any more: the trace has ended, told once. @default nobody is told */
  readonly onError?: (error: NodeJS.ErrnoException) => void
}

/**
 * Writes what every link of this process tells of itself, as long as it was bound after this: one JSON object a line, in qlog's terms.
 * `docs/TRACES.md` describes the lines. Links of which nobody listens at their start spend nothing on it.
 *
 * @param path - made for its owner alone (0600); one that exists is emptied.
 * @returns stops, and resolves when the file is complete.
 * @throws MSG_ERR_USAGE when the file cannot be opened.
 */
export function traceLinks(path: string, { onError = () => {} }: TraceLinksOptions = {}): () => Promise<void> {
  const file = createWriteStream(path, { fd: open(path), highWaterMark: BUFFER_LENGTH })
  let dropped = 0
  const onEvent = (message: unknown): void => {
    const event = message as TraceEvent
    if (file.writableNeedDrain) {
      dropped++
      return
    }
    if (dropped > 0) write({ time: event.time, name: 'events_dropped', count: dropped })
    dropped = 0
    write(event)
  }
  const write = (line: object): void => void file.write(`${JSON.stringify(line)}\n`)
  // A trace that cannot be written must not end what it traces.
  file.on('error', (error) => {
    unsubscribe('msg.link', onEvent)
    onError(error)
  })
  subscribe('msg.link', onEvent)
  return () => {
    unsubscribe('msg.link', onEvent)
    return new Promise((resolve) => file.end(() => resolve()))
  }
}

/** Appending, so that two processes with one file leave whole lines and no holes. */
function open(path: string): number {
  try {
    const fd = openSync(path, 'a', 0o600)
    empty(fd)
    return fd
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new MsgError('MSG_ERR_USAGE', { detail: `the trace file ${path} cannot be written (${code})`, cause: error })
  }
}

function empty(fd: number): void {
  try {
    ftruncateSync(fd)
  } catch {
    // A pipe or a device holds nothing.
  }
}

/** Bytes that wait for the disk at most: a turn of the event loop at bulk speed is some 100 KiB of lines. */
const BUFFER_LENGTH = 1_048_576
