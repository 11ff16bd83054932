import { expect } from 'chai'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonLine, JsonProcess } from '../helpers/json-client.ts'
import { LabPeople } from '../helpers/lab-people.ts'
import type { Home, Homes, Lab } from '../helpers/nat-lab.ts'
import { useLab } from '../helpers/use-lab.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('two people behind home routers', function () {
  const { create, keep } = useLab()
  const directory = useTempDir()
  this.timeout(300_000)

  interface Scene {
    readonly lab: Lab
    readonly people: LabPeople
    readonly server: JsonProcess
    readonly alice: JsonProcess
    readonly bob: JsonProcess
  }

  /** Signed up and in a conversation. */
  const talking = async (home: Home, isSevered = false, others: Homes = {}): Promise<Scene> => {
    const lab = create({ alice: home, bob: home, ...others })
    lab.sever(isSevered)
    const people = keep(new LabPeople(lab, directory()))
    const server = await people.startServer('v4')
    const [alice, bob] = [await people.signUp('alice'), await people.signUp('bob')]
    const { path } = await people.meet(alice, bob, PATIENCE_MS)
    expect(path).to.be.a('string')
    return { lab, people, server, alice, bob }
  }

  const pathOf = async (client: JsonProcess): Promise<JsonLine> => {
    const mark = client.lines.length
    client.say('peers')
    const { peers } = (await client.after(mark, { type: 'result', command: 'peers' })) as unknown as {
      peers: JsonLine[]
    }
    return peers[0]!
  }

  /** Waits for both to have a path of that kind. */
  const settled = async ({ alice, bob }: Scene, path: string): Promise<void> => {
    for (;;) {
      const paths = await Promise.all([alice, bob].map(pathOf))
      if (paths.every((each) => each['path'] === path)) return
      await sleep(50)
    }
  }

  /** How long a word of `from` takes, milliseconds. */
  const say = async (from: JsonProcess, to: JsonProcess, text: string): Promise<number> => {
    const mark = to.lines.length
    const startedAt = performance.now()
    from.say(`send ${text}`)
    await to.after(mark, { type: 'message', text })
    return Math.round(performance.now() - startedAt)
  }

  /** Bob takes what alice sends. @returns the file's digest, and what both were told. */
  const send = async (
    { alice, bob }: Scene,
    size: number,
    rate: string,
  ): Promise<{ hash: string; id: string; landed: string }> => {
    const bytes = randomBytes(size)
    writeFileSync(join(directory(), 'film.bin'), bytes)
    alice.say(`file limit ${rate}`)
    alice.say(`file send ${join(directory(), 'film.bin')}`)
    const { id } = (await bob.until({ type: 'transfer.offered' })) as unknown as { id: string }
    bob.say(`file accept ${id} --to ${join(directory(), 'in')}`)
    await bob.until({ type: 'transfer.started' })
    return { hash: sha256(bytes), id, landed: join(directory(), 'in', 'film.bin') }
  }

  it('get a file that starts relayed, goes direct, is forced back to the relay, and goes direct again', async () => {
    const scene = await talking({ router: 'port-restricted' }, true)
    const { lab, bob } = scene
    expect((await pathOf(bob))['path']).to.equal('relayed')
    const watched = watch(bob)
    const { hash, landed } = await send(scene, 50_000_000, '3MB/s')
    await sleep(3_000)
    lab.sever(false)
    await settled(scene, 'direct')
    await sleep(5_000)
    lab.sever(true)
    await settled(scene, 'relayed')
    await sleep(3_000)
    lab.sever(false)
    await settled(scene, 'direct')
    const done = await bob.until({ type: 'transfer.done' })
    watched.stop()
    report(`longest silence of the transfer ${watched.longest} ms; path ${String(done['path'])}`)
    expect(sha256(readFileSync(landed))).to.equal(hash)
    expect(watched.longest).to.be.at.most(STALL_MS)
    const moves = bob.lines.filter(({ type, state }) => type === 'path' && state === 'moved').map(({ path }) => path)
    expect(moves).to.deep.equal(['direct', 'relayed', 'direct'])
  })

  it('talk, and get their file, while the server is gone, and are signed in again when it is back', async () => {
    const scene = await talking({ router: 'port-restricted' })
    const { people, server, alice, bob } = scene
    await settled(scene, 'direct')
    const { hash, landed } = await send(scene, 30_000_000, '3MB/s')
    await sleep(1_000)
    await server.kill('SIGKILL')
    await Promise.all([alice, bob].map((client) => client.until({ type: 'reconnecting' })))
    report(`a word without a server ${await say(alice, bob, 'alone')} ms`)
    await sleep(4_000)
    const marks = [alice, bob].map(({ lines }) => lines.length)
    const startedAt = performance.now()
    await people.startServer('v4')
    await Promise.all([alice, bob].map((client, i) => client.after(marks[i]!, { type: 'signed-in', restored: true })))
    report(`signed in again after ${Math.round(performance.now() - startedAt)} ms`)
    await bob.until({ type: 'transfer.done' })
    expect(sha256(readFileSync(landed))).to.equal(hash)
    expect(
      [alice, bob].flatMap(({ lines }) => lines.filter(({ type, state }) => type === 'path' && state === 'closed')),
    ).to.deep.equal([])
    await say(bob, alice, 'together')
  })

  it('hear each other after a long silence, though their routers forget', async () => {
    const [mapping, idle] = (process.env['LAB_IDLE'] ?? '12,20').split(',').map(Number) as [number, number]
    const scene = await talking({ router: 'port-restricted', mappingTimeout: mapping })
    const { alice, bob } = scene
    await settled(scene, 'direct')
    await sleep(idle * 1_000)
    const took = await say(alice, bob, 'still there?')
    report(`mappings of ${mapping} s, idle for ${idle} s: the word took ${took} ms`)
    expect((await pathOf(alice))['path']).to.equal('direct')
    await say(bob, alice, 'yes')
  }).timeout(900_000)

  it('go on when a router forgets everything at once', async () => {
    const scene = await talking({ router: 'port-restricted' })
    const { lab, alice, bob } = scene
    await settled(scene, 'direct')
    lab.forget('alice')
    report(`after a power cut of her router the word took ${await say(alice, bob, 'from here')} ms`)
    lab.forget('bob')
    report(`after his, ${await say(alice, bob, 'to there')} ms`)
    await settled(scene, 'direct')
  })

  it('go on when one of them goes to another network, and beside the other', async () => {
    const scene = await talking({ router: 'port-restricted' }, false, { carol: 'port-restricted' })
    const { lab, alice, bob } = scene
    await settled(scene, 'direct')
    lab.move('alice', { beside: 'carol' })
    report(
      `from another network the word took ${await say(alice, bob, 'moved')} ms, back ${await say(bob, alice, 'found')} ms`,
    )
    await settled(scene, 'direct')
    lab.move('alice', { beside: 'bob' })
    report(`from beside him ${await say(alice, bob, 'here')} ms, back ${await say(bob, alice, 'welcome')} ms`)
    await settled(scene, 'lan')
  })

  it('go on when one of them sleeps for a while', async () => {
    const scene = await talking({ router: 'port-restricted', mappingTimeout: 5 })
    const { alice, bob } = scene
    await settled(scene, 'direct')
    bob.child.kill('SIGSTOP')
    await sleep(12_000)
    const said = say(alice, bob, 'good morning')
    await sleep(1_000)
    bob.child.kill('SIGCONT')
    report(`the word of the last second of sleep took ${(await said) - 1_000} ms`)
    report(`and back ${await say(bob, alice, 'morning')} ms`)
    await settled(scene, 'direct')
  })
})

/** Notes the longest time in which a transfer did not get further. */
function watch(client: JsonProcess): { readonly longest: number; stop(): void } {
  let [bytes, at, longest] = [0, performance.now(), 0]
  const timer = setInterval(() => {
    const progress = client.lines.filter(({ type }) => type === 'transfer.progress').at(-1)
    const now = Number(progress?.['bytes'] ?? 0)
    if (now > bytes || bytes === 0) [bytes, at] = [now, performance.now()]
    longest = Math.max(longest, Math.round(performance.now() - at))
  }, 50)
  return {
    get longest() {
      return longest
    },
    stop: () => clearInterval(timer),
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const report = (text: string): void => {
  if (process.env['SIM_REPORT'] !== undefined) console.log(`      ${text}`)
}
/** Long enough for a machine that is busy: how fast a link is there is not a test's business. */
const PATIENCE_MS = 10_000
/** Longer than that nothing may stand still, however busy the machine. */
const STALL_MS = 7_000
