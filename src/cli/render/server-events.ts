import type { ServerEvent } from '../../core/index.ts'
import type { Palette } from './palette.ts'
import { visible } from '../../core/wire/visible.ts'

/** Says a server's event for people, one line. */
export function serverEventLine(event: ServerEvent, palette: Palette): string {
  const name = (user: string): string => palette.name(visible(user))
  const room = (text: string): string => palette.room(`#${visible(text)}`)
  switch (event.type) {
    case 'registered':
      return `${name(event.user)} registered.`
    case 'signed-in':
      return `${name(event.user)} signed in from ${visible(event.address)}.`
    case 'signed-out':
      return `${name(event.user)} signed out: ${visible(event.reason)}.`
    case 'sign-in.failed':
      return palette.bad(`Sign-in as ${visible(event.user)} from ${visible(event.address)} failed.`)
    case 'session.opened':
      return `${event.users.map(name).join(' and ')} talk.`
    case 'session.closed':
      return `${event.users.map(name).join(' and ')} no longer talk.`
    case 'room.created':
      return `${name(event.owner)} made ${room(event.room)}.`
    case 'room.joined':
      return `${name(event.user)} entered ${room(event.room)}.`
    case 'room.left':
      return `${name(event.user)} left ${room(event.room)}.`
    case 'room.closed':
      return `${room(event.room)} is closed.`
    case 'refused':
      return palette.bad(`Refused ${visible(event.address)}: ${visible(event.reason)}.`)
    case 'storage.failed':
      return palette.bad(`Nothing can be saved: ${visible(event.reason)}.`)
    case 'storage.recovered':
      return 'Saving works again.'
    case 'plugin': {
      const line = `${palette.dim(`${visible(event.plugin)}:`)} ${visible(event.text)}`
      return event.name === 'fault' ? palette.bad(line) : line
    }
    case 'stopped':
      return 'The server has stopped.'
  }
}
