import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createWriteStream } from 'node:fs'

/**
 * Writes what every link bound from now on tells of itself, one JSON object a line, in qlog's terms.
 *
 * @returns stops, and resolves when the file is complete.
 */
export function traceLinks(path: string): () => Promise<void> {
  const file = createWriteStream(path, { mode: 0o600, highWaterMark: BUFFER_LENGTH })
  // A trace that cannot be written must not end what it traces.
  file.on('error', () => {})
  const onEvent = (event: unknown): void => {
    if (!file.writableNeedDrain) file.write(`${JSON.stringify(event)}\n`)
  }
  subscribe('msg.link', onEvent)
  return () => {
    unsubscribe('msg.link', onEvent)
    return new Promise((resolve) => file.end(() => resolve()))
  }
}

/** Bytes that wait for the disk at most; newer Node versions would keep more. */
const BUFFER_LENGTH = 16_384
