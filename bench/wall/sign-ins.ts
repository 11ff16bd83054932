import { join } from 'node:path'
import { createClient } from '../../src/core/index.ts'
import type { Figure } from '../helpers/figures.ts'
import { ServerProcess } from '../helpers/server-process.ts'

/** Whole sign-ins a second: TCP, TLS, hello, sign-in; eight at a time, each with a connection of its own. */
export async function measureSignIns(): Promise<Figure[]> {
  const server = await ServerProcess.start()
  const rates: Record<'password' | 'device', number[]> = { password: [], device: [] }
  const signIn = async (index: number, password?: string): Promise<void> => {
    const client = await createClient({
      server: server.address,
      dataDir: join(server.dataDir, `user-${index}`),
      listening: false,
    })
    await client.login(`user-${index}`, password)
    await client.destroy()
  }
  try {
    for (let i = 0; i < PARALLEL; i++) {
      const client = await createClient({
        server: server.address,
        dataDir: join(server.dataDir, `user-${i}`),
        listening: false,
      })
      await client.register(`user-${i}`, 'benchmark password')
      await client.destroy()
    }
    for (let run = 0; run < RUNS; run++) {
      for (const [kind, rounds] of [
        ['password', 3],
        ['device', 12],
      ] as const) {
        const start = performance.now()
        await Promise.all(
          Array.from({ length: PARALLEL }, async (_, index) => {
            for (let round = 0; round < rounds; round++)
              await signIn(index, kind === 'password' ? 'benchmark password' : undefined)
          }),
        )
        rates[kind].push((PARALLEL * rounds * 1_000) / (performance.now() - start))
      }
    }
  } finally {
    await server.stop()
  }
  return [
    { name: 'sign-ins with password (argon2id)', unit: '1/s', samples: rates.password },
    { name: 'sign-ins with device key', unit: '1/s', samples: rates.device },
  ]
}

const PARALLEL = 8
const RUNS = 5
