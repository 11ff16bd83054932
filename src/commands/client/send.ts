import { readFileSync } from 'node:fs'
import { Args } from '@oclif/core'
import { OneShotCommand, type OneShot } from '../../cli/client/one-shot.ts'
import { visible } from '../../core/wire/visible.ts'
import type { Conversation } from '../../core/index.ts'
import { MsgError, type ErrorCode } from '../../core/errors.ts'

export default class ClientSend extends OneShotCommand {
  static override summary = 'send one message and wait until it is delivered'
  static override description =
    'Opens a session (the other side has to accept), sends, waits for the acknowledgement, and closes what it opened. A message that could not be delivered in time waits in the outbox, and the exit status is 8.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> bob "the build is green" --server chat.example.org --user ci',
    'git log -1 | <%= config.bin %> <%= command.id %> bob --server chat.example.org --user ci',
  ]
  static override flags = { ...OneShotCommand.linkFlags }
  static override args = {
    user: Args.string({ ignoreStdin: true, required: true, description: 'who it is for: a name or a virtual address' }),
    text: Args.string({ ignoreStdin: true, description: 'what to say; from stdin when missing or -' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClientSend)
    const text = args.text === undefined || args.text === '-' ? this.#readText() : args.text
    await this.connected(flags, { isListening: true }, async (oneShot) => {
      await this.signedIn(oneShot)
      const user = await deliver(oneShot, args.user, text)
      this.printOne('delivered', user, ({ name }) => [`Delivered to ${name(visible(user.to))}.`])
    })
  }

  #readText(): string {
    if (process.stdin.isTTY && this.isGiven('--no-input')) {
      throw new MsgError('MSG_ERR_USAGE', { detail: 'a text is needed' })
    }
    return readFileSync(0, 'utf8').replace(/\r?\n$/u, '')
  }
}

/** Somebody who is away, or does not answer in time, gets it later: it is queued. Somebody who declines gets nothing. */
async function deliver(
  { client, signal, remainingMs }: OneShot,
  to: string,
  text: string,
): Promise<{ id: string; to: string }> {
  const patience = AbortSignal.any([
    signal,
    AbortSignal.timeout(Math.max(0, Math.floor(remainingMs()) - 2 * CLOSING_MS)),
  ])
  // What this user has open in other terminals was told at sign-in; the answer to a request comes after it.
  await client.rooms()
  const before = client.conversations().map(({ conversation }) => nameOf(conversation))
  let user: string
  try {
    ;({ user } = await client.open(to, { signal: patience }))
  } catch (error) {
    if (!MsgError.is(error) || !UNANSWERED.includes(error.code) || signal.aborted) throw error
    await client.send(text, { to: { kind: 'session', user: to } })
    throw notDelivered(to, error)
  }
  const conversation = { kind: 'session', user } as const
  const { id } = await client.send(text, { to: conversation })
  const { waiting } = await client.flush({ timeoutMs: Math.max(0, remainingMs() - CLOSING_MS) })
  if (!before.includes(user)) await client.leave({ conversation })
  if (waiting > 0) throw notDelivered(user)
  return { id, to: user }
}

const nameOf = (conversation: Conversation): string =>
  conversation.kind === 'session' ? conversation.user : `#${conversation.room}`

function notDelivered(user: string, cause?: unknown): MsgError {
  return new MsgError('MSG_ERR_NOT_DELIVERED', { detail: `the message for ${user} is queued`, cause })
}

/** Kept back from `--timeout` for a graceful end, milliseconds. */
const CLOSING_MS = 500
/** Ways in which somebody did not answer, which leave the message waiting for them. */
const UNANSWERED: readonly ErrorCode[] = ['MSG_ERR_USER_OFFLINE', 'MSG_ERR_TIMEOUT', 'MSG_ERR_CANCELLED']
