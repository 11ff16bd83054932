import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** True where a real terminal can be had. With CI=true it must be: the tests then fail instead of being skipped. */
export function isTmuxAvailable(): boolean {
  return spawnSync('tmux', ['-V']).status === 0 || process.env['CI'] === 'true'
}

/** A program on a real pseudo-terminal, seen as a person sees it: the screen, not the bytes. */
export class TmuxScreen {
  readonly #socket = `msg-test-${randomBytes(6).toString('hex')}`
  readonly #notes = mkdtempSync(join(tmpdir(), 'msg-tmux-'))

  /** @param columns - and rows of the terminal, characters. */
  constructor(
    command: readonly string[],
    options: { env: Readonly<Record<string, string>>; cwd: string; columns?: number; rows?: number },
  ) {
    const { env, cwd, columns = 60, rows = 20 } = options
    const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
    const size = ['-x', String(columns), '-y', String(rows)]
    // The pane stays after the program has ended, so that its last words and its status can be read.
    const words = ['-f', '/dev/null', 'new-session', '-d', '-s', 'main', ...size, '-c', cwd, ...variables, 'cat']
    this.#tmux(...words)
    this.#tmux('set-option', '-g', 'remain-on-exit', 'on')
    this.#tmux('set-option', '-g', 'window-size', 'manual')
    // tmux forgets the status now and then, so the shell around the program notes it.
    const program = `echo $$ > ${this.#note('pid')}; exec ${command.map(quote).join(' ')}`
    const script = `sh -c ${quote(program)}; echo $? > ${this.#note('status')}`
    this.#tmux('respawn-pane', '-k', '-c', cwd, '-t', 'main', script)
  }

  /** The lines on the screen, without the empty ones at its end. */
  lines(): string[] {
    return this.#tmux('capture-pane', '-p', '-t', 'main').trimEnd().split('\n')
  }

  get text(): string {
    return this.lines().join('\n')
  }

  /** False while the program hides it. */
  get isCursorShown(): boolean {
    return this.#tmux('display-message', '-p', '-t', 'main', '#{cursor_flag}').trim() === '1'
  }

  /** Types text, key by key. */
  type(text: string): void {
    this.#tmux('send-keys', '-t', 'main', '-l', text)
  }

  /** Presses keys by tmux's names: Enter, Tab, Up, C-c, … */
  press(...keys: string[]): void {
    this.#tmux('send-keys', '-t', 'main', ...keys)
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-t', 'main', '-x', String(columns), '-y', String(rows))
  }

  /** Waits until the screen is as wanted, and returns its lines. @throws showing the screen when it never is. */
  async until(isWanted: (text: string, lines: string[]) => boolean, patienceMs = 15_000): Promise<string[]> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const lines = this.lines()
      if (isWanted(lines.join('\n'), lines)) return lines
      if (Date.now() > deadline) throw new Error(`the screen stayed:\n${lines.join('\n')}`)
      await delay(30)
    }
  }

  /** Waits for the program's end. @returns its exit status. */
  async exitStatus(): Promise<number> {
    const deadline = Date.now() + 15_000
    for (;;) {
      const status = existsSync(this.#note('status')) ? readFileSync(this.#note('status'), 'utf8').trim() : ''
      if (status !== '') return Number(status)
      if (Date.now() > deadline) throw new Error(`still running:\n${this.text}`)
      await delay(30)
    }
  }

  /** The program in the terminal. Known once it has drawn something. */
  get pid(): number {
    return Number(readFileSync(this.#note('pid'), 'utf8').trim())
  }

  /** Ends the terminal and everything in it. */
  close(): void {
    spawnSync('tmux', ['-L', this.#socket, 'kill-server'], { timeout: PATIENCE_MS })
    rmSync(this.#notes, { recursive: true, force: true })
  }

  #note(name: string): string {
    return join(this.#notes, name)
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
      timeout: PATIENCE_MS,
    })
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** A call that takes longer hangs, and would hang the whole run with it, since it is synchronous; milliseconds. */
const PATIENCE_MS = 10_000
