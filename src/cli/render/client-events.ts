import type { ClientEvent } from '../../core/index.ts'
import { conversationName, because } from './client-words.ts'
import type { Palette } from './palette.ts'
import { clockTime, milliseconds } from './time.ts'
import { transferEventLines } from './transfers.ts'
import { visible } from '../../core/wire/visible.ts'

/** Says a client's event for people: mostly one line, none for what only scripts need. */
export function clientEventLines(event: ClientEvent, palette: Palette): string[] {
  const name = (user: string): string => palette.name(visible(user))
  const room = (text: string): string => palette.room(`#${visible(text)}`)
  switch (event.type) {
    case 'connected':
      return connectedLines(event, palette)
    case 'reconnecting': {
      const wait = event.delayMs < 1000 ? 'now' : `in ${Math.round(event.delayMs / 1000)} s`
      // A server that was stopped said goodbye; anything else is only known not to answer.
      const what = event.reason === SERVER_STOPPED ? 'The server was stopped' : 'Server away'
      return [palette.bad(`${what}; trying again ${wait}.`)]
    }
    case 'disconnected':
      // One's own doing: the command has said it.
      if (event.reason === 'closed') return []
      return [palette.bad(`Disconnected: ${visible(event.reason)}.`)]
    case 'signed-in':
      return event.restored ? [`Signed in again as ${name(event.user)}.`] : []
    case 'message': {
      const from = event.own
        ? `you ${palette.dim(`(elsewhere, to ${event.with === null ? 'the room' : visible(event.with)})`)}`
        : name(event.from)
      const where = event.room === null ? '' : `${room(event.room)} `
      const [first = '', ...more] = visible(event.text, { multiline: true }).split('\n')
      return [`${palette.dim(clockTime(event.at))} ${where}${from}: ${first}`, ...more.map((line) => `      ${line}`)]
    }
    case 'message.sent':
    case 'message.delivered':
      // The delivery watch says what is worth a line.
      return []
    case 'session.request':
      return [
        `${name(event.from)} asks to talk: ${palette.strong(`accept ${visible(event.from)}`)} or ${palette.strong(`decline ${visible(event.from)}`)}`,
      ]
    case 'session.withdrawn':
      return [`${name(event.from)} no longer asks.`]
    case 'session.opened':
      return [
        event.present
          ? `You and ${name(event.with)} can talk.`
          : palette.dim(`${name(event.with)} is away; messages wait.`),
      ]
    case 'session.closed':
      return [sessionClosedLine(event, palette)]
    case 'room.entered':
      return []
    case 'room.joined':
      return [palette.dim(`${room(event.room)} ${name(event.user)} came in.`)]
    case 'room.left':
      return [palette.dim(`${room(event.room)} ${name(event.user)} left.`)]
    case 'room.away':
      return [palette.dim(`${room(event.room)} ${name(event.user)} is away; messages wait.`)]
    case 'room.back':
      return [palette.dim(`${room(event.room)} ${name(event.user)} is back.`)]
    case 'room.owner':
      return [palette.dim(`${room(event.room)} belongs to ${name(event.owner)} now.`)]
    case 'room.closed':
      if (event.reason === 'left') return [`You left ${room(event.room)}.`]
      return [`${conversationName({ kind: 'room', room: event.room }, palette)} is closed${because(event.reason)}.`]
    case 'path':
      return pathLines(event, palette)
    case 'peer.device':
      if (!event.changed) return []
      return [
        palette.bad(`${name(event.with)} uses a device not seen before: ${visible(event.device)}.`),
        palette.dim(`  \`verify ${visible(event.with)}\` shows the safety number to compare.`),
      ]
    case 'transfer.offered':
    case 'transfer.declined':
    case 'transfer.withdrawn':
    case 'transfer.started':
    case 'transfer.progress':
    case 'transfer.checkpoint':
    case 'transfer.blocked':
    case 'transfer.paused':
    case 'transfer.continued':
    case 'transfer.stopped':
    case 'transfer.done':
    case 'transfer.failed':
      return transferEventLines(event, palette)
    case 'plugin':
      return visible(event.text, { multiline: true })
        .split('\n')
        .filter((line) => line !== '')
    case 'plugin.missing':
      return missingLines(event, palette)
    case 'warning':
      return [palette.bad(`Warning: ${visible(event.message)}`)]
  }
}

function connectedLines(event: Extract<ClientEvent, { type: 'connected' }>, palette: Palette): string[] {
  const lines = [`Connected to ${palette.strong(visible(event.server))} at ${visible(event.address)}.`]
  if (event.firstUse) {
    lines.push(
      `Its fingerprint is ${visible(event.fingerprint)}.`,
      palette.dim('First time here: it is trusted from now on. Compare it with what the server shows.'),
    )
  }
  return lines
}

function missingLines(event: Extract<ClientEvent, { type: 'plugin.missing' }>, palette: Palette): string[] {
  const what = `The server has the plugin ${palette.strong(visible(event.plugin))}`
  if (event.here !== null)
    return [palette.dim(`${what} in version ${event.version}, you have ${event.here}: they do not talk.`)]
  const how = event.install === null ? '' : `: ${palette.strong(event.install)} adds it`
  return [palette.dim(`${what}, which you lack${how}.`)]
}

function pathLines(event: Extract<ClientEvent, { type: 'path' }>, palette: Palette): string[] {
  const who = palette.name(visible(event.with))
  if (event.state === 'closed') {
    // Whatever ended the conversation has been said; the link only follows.
    if (EXPECTED_ENDS.includes(event.reason)) return []
    return [palette.dim(`Link to ${who} lost (${visible(event.reason)}).`)]
  }
  const rtt = event.rttMs === null ? '' : `, RTT ${milliseconds(event.rttMs)}`
  const why = event.explanation === null ? '' : ` (${visible(event.explanation)})`
  const at = event.address === null ? '' : ` ${visible(event.address)}`
  // To another address the same way, as routers do: nobody's business but a program's.
  if (event.state === 'moved' && event.path === event.previous) return []
  const how = event.state === 'moved' ? `Link to ${who} is ${event.path} now` : `Linked to ${who}: ${event.path}`
  return [palette.dim(`${how}${at}${rtt}${why}.`)]
}

function sessionClosedLine(event: Extract<ClientEvent, { type: 'session.closed' }>, palette: Palette): string {
  const who = palette.name(visible(event.with))
  if (event.by === 'you') return `You left ${who}; the session is closed.`
  if (event.reason === 'left') return `${who} left; the session is closed.`
  if (event.reason === 'gone') return `${who} is gone; the session is closed.`
  return `${who} ended the session${because(event.reason)}.`
}

/** Reasons of links that end with their conversation, or with a peer whose absence the server tells. */
const EXPECTED_ENDS = ['left', 'the other side left', 'vanished', 'closed', 'not needed any more']

/** The reason of `reconnecting` after the server's goodbye; docs/JSON.md names it. */
const SERVER_STOPPED = 'the server was stopped'
