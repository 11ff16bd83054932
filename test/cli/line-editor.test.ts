import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { sandbox, BIN } from '../helpers/run-msg.ts'
import { useTempDir } from '../helpers/temp-dir.ts'
import { isTmuxAvailable, TmuxScreen } from '../helpers/tmux.ts'

const ROOT = join(BIN, '..', '..')

describe('the line editor on a real terminal', function () {
  const directory = useTempDir()
  let screen: TmuxScreen

  before(function () {
    if (isTmuxAvailable()) return
    console.error('      skipped: tmux is not installed')
    this.skip()
  })

  beforeEach(async () => {
    const command = [process.execPath, '--import', 'tsx', join(ROOT, 'test', 'fixtures', 'editor.ts')]
    screen = new TmuxScreen(command, { env: sandbox(directory()), cwd: ROOT, columns: 40, rows: 16 })
    await screen.until((text) => text.includes('me>'))
  })

  afterEach(() => screen.close())

  const printAbove = async (number: number): Promise<void> => {
    process.kill(screen.pid, 'SIGUSR1')
    await screen.until((text) => text.includes(`event ${number} second`))
  }

  it('prints above an empty prompt', async () => {
    await printAbove(1)
    expect(screen.lines()).to.deep.equal(['event 1 first', 'event 1 second', 'me>'])
  })

  it('prints above what is being typed, which goes on undisturbed', async () => {
    screen.type('say hel')
    await screen.until((text) => text.includes('hel'))
    await printAbove(1)
    screen.type('lo')
    await screen.until((text) => text.includes('say hello'))
    await printAbove(2)
    screen.press('Enter')
    expect(await screen.until((text) => text.includes('said ['))).to.deep.equal([
      'event 1 first',
      'event 1 second',
      'event 2 first',
      'event 2 second',
      'me> say hello',
      'said [hello]',
      'me>',
    ])
  })

  it('runs what a key stands for at once, and leaves what is being typed', async () => {
    screen.type('say hel')
    await screen.until((text) => text.includes('hel'))
    screen.press('C-x')
    await screen.until((text) => text.includes('halted'))
    screen.type('lo')
    screen.press('Enter')
    await screen.until((text) => text.includes('said [hello]'))
  })

  it('keeps a line of several rows whole, with the cursor anywhere in it', async () => {
    const long = `say ${'0123456789'.repeat(9)}`
    screen.type(long)
    await screen.until((text) => text.endsWith('789'))
    await printAbove(1)
    for (let step = 0; step < 50; step++) screen.press('Left')
    await printAbove(2)
    screen.type('<here>')
    await screen.until((text) => text.replaceAll('\n', '').includes('<here>'))
    await printAbove(3)
    const shown = screen.lines()
    expect(shown.slice(0, 6)).to.deep.equal(
      [1, 2, 3].flatMap((number) => [`event ${number} first`, `event ${number} second`]),
    )
    const typed = `me> ${long.slice(0, -50)}<here>${long.slice(-50)}`
    expect(shown.slice(6).join('')).to.equal(typed)
    screen.press('Enter')
    const [, answer] = (await screen.until((text) => text.includes('said ['))).join('').split('said ')
    expect(answer?.replace('me>', '')).to.equal(`[${typed.slice('me> say '.length)}]`)
  })

  it('keeps wide characters whole', async () => {
    const wide = `say ${'日本語'.repeat(12)}`
    screen.type(wide)
    await screen.until((text) => text.replaceAll('\n', '').endsWith('日本語'))
    await printAbove(1)
    await printAbove(2)
    expect(screen.lines().slice(4).join('')).to.equal(`me> ${wide}`)
  })

  it('survives a resize in the middle of a long line', async () => {
    const long = `say ${'abcdefghij'.repeat(9)}`
    screen.type(long)
    await screen.until((text) => text.endsWith('hij'))
    await printAbove(1)
    await screen.until((_, lines) => lines.join('').endsWith(`event 1 secondme> ${long}`))
    for (const columns of [30, 70, 45]) {
      screen.resize(columns, 16)
      await screen.until((_, lines) => lines.join('').endsWith(`event 1 secondme> ${long}`))
    }
    await printAbove(2)
    screen.press('Enter')
    const text = (await screen.until((shown) => shown.includes('said ['))).join('')
    expect(text.split('me> say').length, 'the prompt and its line stand there once').to.equal(2)
  })

  it('completes words and lists candidates', async () => {
    screen.type('sa')
    screen.press('Tab')
    await screen.until((text) => text.endsWith('me> say'))
    screen.type('al')
    screen.press('Tab')
    await screen.until((text) => text.endsWith('say alexand'))
    screen.press('Tab')
    await screen.until((text) => text.includes('alexandra') && text.includes('alexander'))
  })

  it('pastes into the middle of a line', async () => {
    screen.type('say ad')
    await screen.until((text) => text.endsWith('say ad'))
    screen.press('Left')
    screen.type('bc')
    await screen.until((text) => text.endsWith('say abcd'))
    screen.press('Enter')
    await screen.until((text) => text.includes('said [abcd]'))
  })

  it('takes a pasted tab for text', async () => {
    screen.type('say a\tb')
    screen.press('Enter')
    await screen.until((text) => /said \[a\s+b\]/u.test(text))
  })

  it('brings back earlier lines', async () => {
    screen.type('say one')
    screen.press('Enter')
    await screen.until((text) => text.includes('said [one]'))
    screen.press('Up')
    await screen.until((text) => text.endsWith('me> say one'))
  })

  it('clears the line with Ctrl-C and leaves with Ctrl-C on an empty one', async () => {
    screen.type('say half')
    await screen.until((text) => text.includes('half'))
    screen.press('C-c')
    await screen.until((text) => text === 'me>')
    screen.press('C-c')
    expect(await screen.exitStatus()).to.equal(130)
  })

  it('leaves with Ctrl-D', async () => {
    screen.press('C-d')
    expect(await screen.exitStatus()).to.equal(0)
  })

  it('asks yes or no in place of the prompt, and everything but yes is no', async () => {
    for (const [typed, answer] of [
      ['y', 'true'],
      ['', 'false'],
      ['yes', 'true'],
      ['perhaps', 'false'],
    ] as const) {
      screen.press('C-l')
      screen.type('ask')
      screen.press('Enter')
      await screen.until((text) => text.endsWith('Sure? [y/N]'))
      await screen.type(typed)
      screen.press('Enter')
      await screen.until((text) => text.endsWith(`answer ${answer}\nme>`))
    }
  })

  it('takes Ctrl-C at a question for no', async () => {
    screen.type('ask')
    screen.press('Enter')
    await screen.until((text) => text.endsWith('Sure? [y/N]'))
    screen.press('C-c')
    await screen.until((text) => text.endsWith('answer false\nme>'))
  })

  it('does not take what was half typed for the answer, and gives it back', async () => {
    screen.type('say half')
    await screen.until((text) => text.endsWith('say half'))
    process.kill(screen.pid, 'SIGUSR2')
    await screen.until((text) => text.endsWith('Now? [y/N]'))
    screen.type('y')
    screen.press('Enter')
    await screen.until((text) => text.includes('then true') && text.endsWith('me> say half'))
    screen.type(' and half')
    screen.press('Enter')
    await screen.until((text) => text.includes('said [half and half]'))
  })

  it('asks one question after the other, and takes back one that is answered elsewhere', async () => {
    screen.type('later')
    process.kill(screen.pid, 'SIGUSR2')
    await screen.until((text) => text.endsWith('Now? [y/N]'))
    process.kill(screen.pid, 'SIGUSR2')
    screen.press('Enter')
    await screen.until((text) => text.includes('then false') && text.endsWith('Now? [y/N]'))
    screen.type('y')
    screen.press('Enter')
    await screen.until((text) => text.includes('then true') && text.endsWith('me> later'))
    process.kill(screen.pid, 'SIGUSR2')
    await screen.until((text) => text.endsWith('Now? [y/N]'))
    screen.type('n')
    screen.press('Enter')
    await screen.until((text) => text.endsWith('me> later'))
    screen.press('Enter')
    process.kill(screen.pid, 'SIGUSR2')
    await screen.until((text) => text.split('then false').length === 4 && text.endsWith('me>'))
  })

  it('takes no answer for one question that was meant for another, which was taken back', async function () {
    // A machine that stands still for a second is one on which the person had a second to read.
    this.retries(2)
    process.kill(screen.pid, 'SIGUSR2')
    await screen.until((text) => text.endsWith('Now? [y/N]'))
    process.kill(screen.pid, 'SIGUSR2')
    screen.press('C-x')
    await screen.until((text) => text.includes('then false') && text.endsWith('Now? [y/N]'))
    screen.type('y')
    screen.press('Enter')
    await screen.until((text) => /Now\? \[y\/N\] y\s*\n[^]*Now\? \[y\/N\]$/u.test(text))
    await delay(1_000)
    expect(screen.lines().join('\n')).not.to.contain('then true')
    screen.type('y')
    screen.press('Enter')
    await screen.until((text) => text.includes('then true'))
  })

  it('shows a new prompt as soon as a command has changed it', async () => {
    screen.type('become you')
    screen.press('Enter')
    await screen.until((text) => text.endsWith('you>'))
  })

  it('runs pasted lines one after the other', async () => {
    screen.type('say one\nsay two\nsay three\n')
    const lines = await screen.until((text) => text.includes('said [three]'))
    expect(lines.filter((line) => line.startsWith('said'))).to.deep.equal(['said [one]', 'said [two]', 'said [three]'])
  })

  describe('with lines that move above the prompt', () => {
    const isMoving = (lines: readonly string[]): boolean =>
      /^moving \d+$/u.test(lines.at(-3) ?? '') && /^also \d+ =+$/u.test(lines.at(-2) ?? '')

    beforeEach(async () => {
      screen.type('move')
      screen.press('Enter')
      await screen.until((_, lines) => isMoving(lines) && lines.at(-1) === 'me>')
    })

    it('keeps what is typed, and leaves no trace of them behind', async () => {
      for (const letter of 'say slowly typed') {
        screen.type(letter)
        expect(screen.lines().filter((line) => line.startsWith('moving')).length).to.be.lessThan(2)
      }
      await screen.until((_, lines) => isMoving(lines) && lines.at(-1) === 'me> say slowly typed')
      await printAbove(1)
      screen.press('Enter')
      const lines = await screen.until((text, shown) => text.includes('said [slowly typed]') && isMoving(shown))
      expect(lines.slice(0, -3)).to.deep.equal([
        'me> move',
        'event 1 first',
        'event 1 second',
        'me> say slowly typed',
        'said [slowly typed]',
      ])
      screen.type('move')
      screen.press('Enter')
      await screen.until((_, shown) => shown.at(-1) === 'me>' && !shown.join('').includes('moving'))
    })

    it('keeps a line of several rows whole', async () => {
      const long = `say ${'0123456789'.repeat(9)}`
      screen.type(long)
      await screen.until((_, lines) => lines.join('').endsWith(`me> ${long}`))
      screen.press('Home')
      await printAbove(1)
      const lines = await screen.until((_, shown) => shown.join('').endsWith(`me> ${long}`))
      expect(lines.filter((line) => line.startsWith('moving'))).to.have.length(1)
    })

    it('is not disturbed by completion, a cleared screen or a question', async () => {
      screen.type('say al')
      await screen.until((text) => text.endsWith('say al'))
      screen.press('Tab')
      await screen.until((text) => text.endsWith('say alexand'))
      screen.press('Tab')
      await screen.until((text, lines) => text.includes('alexander') && isMoving(lines) && text.endsWith('alexand'))
      expect(screen.lines().filter((line) => line.startsWith('moving'))).to.have.length(1)
      screen.press('C-l')
      await screen.until((_, lines) => lines.length === 3 && isMoving(lines) && lines.at(-1) === 'me> say alexand')
      screen.press('C-c')
      await screen.until((_, lines) => isMoving(lines) && lines.at(-1) === 'me>')
      screen.type('ask')
      screen.press('Enter')
      await screen.until((_, lines) => isMoving(lines) && lines.at(-1) === 'Sure? [y/N]')
      screen.type('y')
      screen.press('Enter')
      await screen.until((_, lines) => isMoving(lines) && lines.at(-4) === 'answer true')
    })

    it('survives a resize', async () => {
      screen.type('say something')
      for (const columns of [24, 60, 40]) {
        screen.resize(columns, 16)
        await screen.until((_, lines) => isMoving(lines.slice(-3)) && lines.at(-1) === 'me> say something')
      }
      // What was drawn between the resize and the news of it may have left a line behind; it goes with the rest.
      screen.press('C-l')
      await screen.until((_, lines) => lines.length === 3 && isMoving(lines) && lines.at(-1) === 'me> say something')
    })
  })
})
