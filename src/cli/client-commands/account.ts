import { MsgError } from '../../core/errors.ts'
import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { visible } from '../../core/wire/visible.ts'

const register = lineCommand({
  name: 'register',
  summary: 'make an account and sign in',
  arguments: [{ name: 'user' }, { name: 'password', optional: true, rest: true, secret: true }],
  async run(session: ClientSession, values) {
    const { client } = session
    const user = values.text('user')
    return await client.register(user, values.optional('password') ?? (await newPassword(session, user)))
  },
  text: ({ user, virtualAddress }, { name }) => [`Welcome, ${name(visible(user))}. Your address is ${virtualAddress}.`],
})

const login = lineCommand({
  name: 'login',
  summary: 'sign in; without a password when this device is known',
  arguments: [{ name: 'user' }, { name: 'password', optional: true, rest: true, secret: true }],
  run: (session: ClientSession, values) => session.login(values.text('user'), values.optional('password')),
  text: ({ user, virtualAddress }, { name }) => [
    `Signed in as ${name(visible(user))}. Your address is ${virtualAddress}.`,
  ],
})

const whoami = lineCommand({
  name: 'whoami',
  summary: 'your user, address, device fingerprint and server',
  run: async (session: ClientSession) => session.client.whoami(),
  text: ({ user, virtualAddress, device, server, status }, { name }) => [
    `You are ${name(visible(user))} (${virtualAddress}), ${status}, on ${visible(server)}.`,
    `This device is ${device}.`,
  ],
})

const active = lineCommand({
  name: 'active',
  summary: 'be seen, and be asked to talk',
  async run(session: ClientSession) {
    await session.client.setStatus('active')
    return { status: 'active' }
  },
  text: () => ['You are active: others see you and can open a session.'],
})

const inactive = lineCommand({
  name: 'inactive',
  summary: 'be invisible; what is open stays',
  async run(session: ClientSession) {
    await session.client.setStatus('inactive')
    return { status: 'inactive' }
  },
  text: () => ['You are inactive: others see you as offline. What is open stays open.'],
})

/** Commands about who one is. */
export const ACCOUNT_COMMANDS = [register, login, whoami, active, inactive]

async function newPassword({ ask }: ClientSession, user: string): Promise<string> {
  if (ask === undefined) throw new MsgError('MSG_ERR_USAGE', { detail: 'register needs <password>' })
  const password = await ask.secret(`New password for ${user}`)
  if (password !== (await ask.secret('Once more'))) {
    throw new MsgError('MSG_ERR_USAGE', { detail: 'the two passwords differ' })
  }
  return password
}
