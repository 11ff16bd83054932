import type { Receipt } from './protocol.ts'

/** What became of a broadcast, for people: one line, and more where something fell short. */
export function summary({ delivered, missed, without }: Receipt): string[] {
  const { connections, users } = delivered
  const lines: string[] = []
  if (connections > 0) lines.push(`Delivered to ${count(connections, 'connection')} of ${count(users, 'user')}.`)
  else lines.push(missed + without > 0 ? 'Delivered to nobody.' : 'Nobody else is connected.')
  if (missed > 0) lines.push(`${count(missed, 'connection')} did not acknowledge it in time.`)
  if (without > 0) lines.push(`${count(without, 'connection')} got nothing: without the plugin broadcast.`)
  return lines
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
