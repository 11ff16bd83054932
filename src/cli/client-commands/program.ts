import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { conversationName, presenceWord } from '../render/client-words.ts'
import { linkSummary, pathText, qualityText } from '../render/paths.ts'
import { count } from '../render/time.ts'
import { visible } from '../../core/wire/visible.ts'

const connect = lineCommand({
  name: 'connect',
  short: 'c',
  summary: 'connect to a server',
  arguments: [{ name: 'address' }],
  options: { fingerprint: { value: 'SHA256:…' } },
  async run(session: ClientSession, values) {
    const fingerprint = values.optional('fingerprint')
    const { server } = await session.connect(values.text('address'), fingerprint === undefined ? {} : { fingerprint })
    return { server: server.name, address: server.address, fingerprint: server.fingerprint, firstUse: server.firstUse }
  },
  // The `connected` event says it already.
  text: () => [],
})

const disconnect = lineCommand({
  name: 'disconnect',
  short: 'd',
  summary: 'leave what is open and sign out; `connect` works again',
  async run(session: ClientSession) {
    const { address } = session.client.server
    await session.disconnect()
    return { address }
  },
  text: ({ address }) => [`Disconnected from ${visible(address)}.`],
})

const exit = lineCommand({
  name: 'exit',
  short: 'x',
  summary: 'deliver what waits, then leave',
  async run(session: ClientSession) {
    session.end()
    return {}
  },
  text: () => [],
})

const status = lineCommand({
  name: 'status',
  short: 'l',
  summary: 'which conversations are open, who is there and by which path, and the server',
  async run(session: ClientSession) {
    const client = session.connection
    if (client === undefined)
      return { server: null, user: null, status: null, conversations: [], requests: [], peers: [] }
    const { name, address } = client.server
    return {
      server: { name, address, connected: client.connected },
      user: client.user ?? null,
      status: client.status,
      conversations: client.conversations(),
      requests: client.requests,
      peers: client.peers(),
    }
  },
  text({ server, user, status, conversations, requests, peers }, palette) {
    if (server === null) return ['Not connected. `connect <address>` does.']
    const away = server.connected ? '' : palette.bad(' (away, reconnecting)')
    const who = user === null ? 'not signed in' : `signed in as ${palette.name(visible(user))}, ${status}`
    const lines = [`Server ${visible(server.name)} at ${visible(server.address)}${away}: ${who}.`]
    if (conversations.length === 0) lines.push('No conversation is open.')
    for (const { conversation, present, current, queued } of conversations) {
      const waiting = queued > 0 ? `, ${count(queued, 'message')} waiting` : ''
      const presence = conversation.kind === 'session' ? `, ${presenceWord(present)}` : ''
      lines.push(`${current ? '*' : ' '} ${conversationName(conversation, palette)}${presence}${waiting}`)
      if (conversation.kind === 'room') continue
      for (const peer of peers)
        if (peer.user === conversation.user && peer.state === 'open')
          lines.push(`    ${pathText(peer, palette)}; ${qualityText(peer)}`)
    }
    lines.push(...linkSummary(peers, palette))
    for (const from of requests) lines.push(`  ${palette.name(visible(from))} asks to talk: accept or decline`)
    return lines
  },
})

/** Commands about the program itself and its connection. */
export const PROGRAM_COMMANDS = [connect, disconnect, status, exit]
