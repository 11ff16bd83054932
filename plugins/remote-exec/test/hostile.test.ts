import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { sendRequest, type Outcome } from '../src/sender.ts'
import { encodeFrame, type Frame } from '../src/wire/frames.ts'
import { encodeRequest } from '../src/wire/request.ts'
import { duplexPair, Lab, type LabOptions } from './lab.ts'

describe('a hostile sender', () => {
  let lab: Lab
  let nonce = 0
  const open = async (given: LabOptions = {}): Promise<void> => void (lab = await new Lab().open(given))
  afterEach(() => lab.close())

  /** Asks for something with frames of one's own. */
  const ask = (argv: readonly string[], { verified = true, cwd = '', at = lab.now } = {}): Duplex => {
    const stream = lab.connect(lab.alice.peer({ verified }))
    stream.on('error', () => {})
    const request = { nonce: Buffer.alloc(16, ++nonce), at, from: lab.alice.party, to: lab.bob.party }
    const bytes = encodeRequest({ ...request, argv, cwd })
    stream.write(encodeFrame({ type: 'request', signature: lab.alice.sign(bytes), bytes }))
    return stream
  }
  const until = async (isSo: () => boolean): Promise<void> => {
    for (let tries = 0; !isSo() && tries < 400; tries++) await delay(10)
    expect(isSo()).to.equal(true)
  }

  it('ends its stream by a second end of input, before the command runs', async () => {
    await open({ options: { allow: [{ command: 'echo', args: ['**'] }] }, answer: 'never' })
    const stream = ask(['echo'])
    await until(() => lab.questions.length === 1)
    stream.write(encodeFrame({ type: 'stdin-end' }))
    await delay(50)
    expect(stream.destroyed).to.equal(false)
    stream.write(encodeFrame({ type: 'stdin-end' }))
    await until(() => stream.destroyed)
  })

  it('is not listened to any more when it was refused', async () => {
    await open()
    const stream = ask(['echo'], { verified: false })
    stream.resume()
    await until(() => lab.told.includes('refused'))
    stream.write(encodeFrame({ type: 'stdin-end' }))
    stream.write(encodeFrame({ type: 'stdin-end' }))
    await until(() => stream.destroyed)
  })

  it('that reads nothing keeps neither a place nor the client from closing', async function () {
    await open({ options: { allow: [{ command: 'yes', ask: false }], limits: { seconds: 1 } } })
    lab.leftoversMs = 200
    const stream = ask(['yes'])
    stream.pause()
    await until(() => lab.target.calls.length === 1)
    await until(() => lab.target.calls.length === 0)
    expect(lab.audit.last(1)[0]).to.include({ event: 'ended', cause: 'time' })
  })

  it('hears of no end when output is missing: what it read too late is not all of it', async () => {
    await open({ options: { allow: [{ command: 'head', args: ['**'], ask: false }] } })
    lab.leftoversMs = 200
    const held = new Promise<void>((resolve) => setTimeout(resolve, 1_000))
    const outcome = lab.exec(['head', '-c', '150000', '/dev/zero'], { onOutput: () => held })
    const failure = await outcome.then(
      () => undefined,
      (error: unknown) => error as { code: string },
    )
    expect(failure?.code).to.equal('MSG_ERR_LINK_CLOSED')
    expect(lab.audit.last(1)[0]).to.include({ event: 'ended', cause: 'link' })
  })

  it('that sends signals without end is one that sent one', async () => {
    await open({ options: { allow: [{ command: 'sh', args: ['-c', '**'], ask: false }] } })
    const stream = ask(['sh', '-c', 'trap "" INT; sleep 30'])
    let text = ''
    stream.on('data', (bytes: Buffer) => (text += bytes.toString('hex')))
    await until(() => lab.runs.length === 1 && text !== '')
    await delay(100)
    let sweeps = 0
    const run = lab.runs[0]!
    const end = run.end.bind(run)
    run.end = (cause) => {
      sweeps++
      end(cause)
    }
    for (let i = 0; i < 100; i++) stream.write(encodeFrame({ type: 'signal', number: 2 }))
    await run.ended
    expect(sweeps).to.equal(1)
  })

  it('does not lead a question elsewhere while it is open', async () => {
    let answer: (yes: boolean) => void = () => {}
    const confirm = () => new Promise<boolean>((resolve) => (answer = resolve))
    lab = new Lab()
    const folder = join(lab.folder, 'in')
    await lab.open({ options: { allow: [{ command: 'pwd' }], roots: [folder] }, deps: { confirm } })
    mkdirSync(join(folder, 'here'), { recursive: true })
    const outcome = lab.exec(['pwd'], { cwd: join(folder, 'here') })
    await until(() => lab.target.calls.length === 1)
    await delay(100)
    renameSync(join(folder, 'here'), join(folder, 'gone'))
    symlinkSync('/', join(folder, 'here'))
    answer(true)
    expect(await outcome).to.deep.include({ kind: 'refused', refusal: 'cwd' })
  })

  it('is written down whatever time it states', async () => {
    await open()
    ask(['echo'], { verified: false, at: Number.MAX_SAFE_INTEGER })
    await until(() => lab.told.includes('refused'))
    expect(lab.audit.last(1)[0]).to.include({ event: 'refused', refusal: 'malformed', user: 'alice' })
  })

  it('does not push the log out with long requests that are refused', async () => {
    await open()
    ask(['echo', '\u0001'.repeat(30_000)], { verified: false, cwd: `/${'\u0001'.repeat(4_000)}` })
    await until(() => lab.told.includes('refused'))
    const [record] = lab.audit.last(1)
    expect(record).to.include({ event: 'refused', refusal: 'unverified' })
    expect(JSON.stringify(record).length).to.be.below(2_000)
  })
})

describe('a hostile target', () => {
  /** What alice's side makes of frames that are no answer to anything. */
  async function answered(frames: readonly Frame[]): Promise<{ outcome: Outcome | Error; asked: number; out: string }> {
    const lab = await new Lab().open()
    const [near, far] = duplexPair()
    far.on('error', () => {}).resume()
    for (const frame of frames) far.write(encodeFrame(frame))
    const seen = { asked: 0, out: '' }
    try {
      const outcome = await sendRequest(
        near,
        lab.bob.peer(),
        {
          argv: ['x'],
          onAsking: () => void seen.asked++,
          onOutput: (_name, bytes) => void (seen.out += Buffer.from(bytes).toString()),
        },
        { self: () => lab.alice.party, sign: lab.alice.sign, now: () => lab.now, record: () => {} },
      ).catch((error: unknown) => error as Error)
      await delay(20)
      return { outcome, ...seen }
    } finally {
      rmSync(lab.folder, { recursive: true, force: true })
    }
  }
  const accepted: Frame = { type: 'accepted', run: Buffer.alloc(16) }
  const text = (out: string): Frame => ({ type: 'stdout', bytes: Buffer.from(out) })

  it('says once that somebody is asked', async () => {
    const asking: Frame = { type: 'asking' }
    const { asked } = await answered([asking, asking, asking, { type: 'refused', code: 'declined' }])
    expect(asked).to.equal(1)
  })

  it('says nothing after the end', async () => {
    const exit: Frame = { type: 'exit', kind: 'code', number: 0, cause: 'none' }
    const { out, outcome } = await answered([accepted, text('a'), exit, text('b')])
    expect({ out, kind: (outcome as { kind?: string }).kind }).to.deep.equal({ out: 'a', kind: 'code' })
  })

  it('makes no success of a signal that there is not', async () => {
    for (const number of [0, 128, 255]) {
      const { outcome } = await answered([accepted, { type: 'exit', kind: 'signal', number, cause: 'none' }])
      expect((outcome as { code?: string }).code, String(number)).to.equal('MSG_ERR_PROTOCOL')
    }
  })
})
