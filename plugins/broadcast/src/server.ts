import { randomBytes } from 'node:crypto'
import { canonicalName, defineServerPlugin, MsgError, type PluginSession } from 'msg-cli/plugin'
import { Allowance } from './allowance.ts'
import { Delivery } from './delivery.ts'
import { options, type BroadcastOptions } from './options.ts'
import { EMPTY, protocol, SERVER, type Receipt } from './protocol.ts'
import { summary } from './summary.ts'

/** The server's half: who may say something to everybody, how often, and who has heard it. */
export default defineServerPlugin({
  protocol,
  options,
  setup(server, { who, perMinute, maxBytes }) {
    const { metrics, timers } = server
    const sent = metrics.counter('sent', 'broadcasts')
    const delivered = metrics.counter('delivered', 'connections that acknowledged one')
    const refused = metrics.counter('refused', 'broadcasts that were refused')
    const allowance = new Allowance(perMinute)
    const delivery = new Delivery(server)
    const mayNot = refusal(who)

    /** @param sender - undefined: the server itself, which sees everybody. */
    const say = async (text: string, sender?: PluginSession<typeof protocol>): Promise<Receipt> => {
      const message = {
        id: randomBytes(16).toString('hex'),
        from: sender?.user ?? SERVER,
        text,
        at: new Date(timers.now()).toISOString(),
      }
      /** Numbers must not give away who is invisible; one's own connections are no secret. */
      const isCounted = ({ user, isVisible }: { user: string; isVisible: boolean }): boolean =>
        !sender || isVisible || user === sender.user
      const targets = [...server.sessions()].filter(({ id, listening }) => listening && id !== sender?.id)
      const without = [...server.everybody()].filter(
        (one) => one.listening && !one.hasPlugin && one.id !== sender?.id && isCounted(one),
      )
      sent.add()
      const unseen = delivery.tell(
        targets.filter((one) => !isCounted(one)),
        message,
      )
      void unseen.then(({ size }) => delivered.add(size))
      const counted = targets.filter(isCounted)
      const reached = await delivery.tell(counted, message)
      delivered.add(reached.size)
      return {
        id: message.id,
        at: message.at,
        delivered: { connections: reached.size, users: new Set([...reached].map(({ user }) => user)).size },
        missed: counted.length - reached.size,
        without: without.length,
      }
    }

    const refuse = (error: MsgError): never => {
      refused.add()
      throw error
    }

    server.handle('say', async ({ text }, session) => {
      const why = mayNot(session.user) ?? unfit(text, maxBytes)
      if (why) refuse(why)
      const waitMs = allowance.take(timers.now(), session.user)
      if (waitMs > 0) {
        const detail = `${perMinute} broadcasts a minute; the next one in ${Math.ceil(waitMs / 1_000)} s`
        refuse(new MsgError('MSG_ERR_LIMIT', { detail }))
      }
      const receipt = await say(text, session)
      const { id, delivered, missed, without } = receipt
      server.event('sent', `${session.user} to everyone (${Buffer.byteLength(text)} bytes): ${summary(receipt)[0]}`, {
        user: session.user,
        id,
        bytes: Buffer.byteLength(text),
        ...delivered,
        missed,
        without,
      })
      return receipt
    })

    server.command({
      name: 'broadcast',
      short: 'b',
      summary: 'say something to everybody who is connected',
      arguments: [{ name: 'text', rest: true }],
      async run(values) {
        const text = values.text('text')
        const why = text.trim() === '' ? new MsgError('MSG_ERR_USAGE', { detail: EMPTY }) : unfit(text, maxBytes)
        if (why) throw why
        return await say(text)
      },
      text: summary,
    })
  },
})

/** Who is refused, by name; whatever the name's spelling in the configuration. */
function refusal(who: BroadcastOptions['who']): (user: string) => MsgError | undefined {
  const names = typeof who === 'string' ? undefined : new Set(who.map(canonicalName))
  return (user) => {
    if (who === 'everyone' || names?.has(canonicalName(user))) return undefined
    const detail = who === 'none' ? 'nobody broadcasts on this server' : `${user} may not broadcast`
    return new MsgError('MSG_ERR_NOT_PERMITTED', { detail })
  }
}

function unfit(text: string, maxBytes: number): MsgError | undefined {
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxBytes) return undefined
  return new MsgError('MSG_ERR_LIMIT', { detail: `a broadcast has at most ${maxBytes} bytes, this one ${bytes}` })
}
