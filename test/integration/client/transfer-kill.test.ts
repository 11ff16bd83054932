import { createHash } from 'node:crypto'
import { createReadStream, openSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { MAX_WINDOW } from '../../../src/core/transfer/plan-source.ts'
import { useClientProcesses } from '../../helpers/client-process.ts'
import { seededRandom } from '../../helpers/random.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

/** 20 and 500 for the whole run; see docs/TESTING.md. */
const KILLS = Number(process.env['TRANSFER_KILLS'] ?? 5)
const MEGABYTES = Number(process.env['TRANSFER_KILL_MB'] ?? 300)
const SIZE = MEGABYTES * 1_000_000
const BLOCK = 1_048_576

describe('a transfer whose processes are killed', () => {
  const directory = useTempDir()
  const { start } = useClientProcesses()
  /** A file that no two blocks of are alike, and its hash. */
  const file = (): { path: string; hash: string } => {
    const path = join(directory(), 'big.bin')
    const hash = createHash('sha256')
    const piece = Buffer.alloc(BLOCK)
    const fd = openSync(path, 'w')
    for (let at = 0, i = 0; at < SIZE; at += BLOCK, i++) {
      piece.fill(createHash('sha256').update(String(i)).digest())
      const bytes = piece.subarray(0, Math.min(BLOCK, SIZE - at))
      hash.update(bytes)
      writeSync(fd, bytes)
    }
    closeSync(fd)
    return { path, hash: hash.digest('hex') }
  }
  const hashOf = async (path: string): Promise<string> => {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
    return hash.digest('hex')
  }

  for (const victim of ['the receiver', 'the sender', 'either'] as const) {
    it(`ends whole though ${victim} dies again and again, and sends little twice`, async function () {
      this.timeout(30_000 + KILLS * 5_000)
      const random = seededRandom(7)
      const { path, hash } = file()
      const inbox = join(directory(), 'inbox')
      let [alice, bob] = [await start('alice', 'a password'), await start('bob', 'b password')]
      // They talk first: the session that the offer goes over.
      alice.tell({ open: 'bob', to: 'bob', file: path })
      const { id } = await bob.transfer('transfer.offered')
      bob.tell({ accept: id, into: inbox })
      let verified = 0
      for (let kill = 1; kill <= KILLS; kill++) {
        const at = Math.max(verified, ((kill - 0.5 + random() / 2) / (KILLS + 1)) * SIZE)
        const { bytes } = await bob.transfer('transfer.progress', (event) => event.bytes >= at)
        // Not for long: what is left takes less than a tenth of a second.
        await setTimeout(random() * 20)
        const isReceiver = victim === 'the receiver' || (victim === 'either' && random() < 0.5)
        if (isReceiver) {
          await bob.kill()
          bob = await start('bob')
        } else {
          await alice.kill()
          alice = await start('alice')
        }
        verified = bytes
      }
      const done = await bob.transfer('transfer.done')
      expect(done).to.deep.include({ direction: 'in', bytes: SIZE, path: join(inbox, 'big.bin') })
      expect(await hashOf(join(inbox, 'big.bin'))).to.equal(hash)
      if (victim !== 'the receiver') return
      const sent = alice.told.reduce((most, { event }) => Math.max(most, (event as { bytes?: number })?.bytes ?? 0), 0)
      const again = sent - SIZE
      if (process.env['SIM_REPORT']) console.log(`sent again in ${KILLS} deaths: ${(again / 1e6).toFixed(1)} MB`)
      expect(again).to.be.at.most(KILLS * (MAX_WINDOW + BLOCK))
    })
  }
})
