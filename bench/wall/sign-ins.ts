/**
 * Sign-ins per second, each on a TLS connection of its own: by password (argon2id, interactive cost) and by device key.
 *
 *     node --import tsx bench/wall/sign-ins.ts [password sign-ins] [device sign-ins]
 */
import { ControlClient } from '../../test/helpers/control-client.ts'
import { startServerChild } from './server-child.ts'

const counts = { password: Number(process.argv[2] ?? 100), device: Number(process.argv[3] ?? 1_000) }
/** Sign-ins under way at a time. */
const CONCURRENT = 8

const server = await startServerChild({ passwordCost: 'interactive' })
const owners: ControlClient[] = []
for (let i = 0; i < CONCURRENT; i++) {
  const owner = await ControlClient.connect(server.port)
  await owner.register(`user${i}`)
  owners.push(owner)
}
for (const kind of ['password', 'device'] as const) {
  let left = counts[kind]
  const worker = async ({ key }: ControlClient, i: number): Promise<void> => {
    while (left-- > 0) {
      const client = await ControlClient.connect(server.port, { key })
      await (kind === 'password' ? client.login(`user${i}`) : client.loginDevice(`user${i}`))
      client.destroy()
      await client.closed
    }
  }
  const started = performance.now()
  await Promise.all(owners.map(worker))
  const seconds = (performance.now() - started) / 1_000
  console.log(
    `sign-ins by ${kind.padEnd(8)} ${(counts[kind] / seconds).toFixed(0)} per second, ${CONCURRENT} users at a time`,
  )
}
for (const owner of owners) owner.destroy()
await server.close()
