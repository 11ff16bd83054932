import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

/** True where a real terminal can be had. With CI=true it must be: the tests then fail instead of being skipped. */
export function isTmuxAvailable(): boolean {
  return spawnSync('tmux', ['-V']).status === 0 || process.env['CI'] === 'true'
}

/** A program on a real pseudo-terminal, seen as a person sees it: the screen, not the bytes. */
export class TmuxScreen {
  readonly #socket = `msg-test-${randomBytes(6).toString('hex')}`

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
    this.#tmux('respawn-pane', '-k', '-c', cwd, '-t', 'main', command.map(quote).join(' '))
  }

  /** The lines on the screen, without the empty ones at its end. */
  lines(): string[] {
    return this.#tmux('capture-pane', '-p', '-t', 'main').trimEnd().split('\n')
  }

  get text(): string {
    return this.lines().join('\n')
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
      const [isDead, status] = this.#tmux('display-message', '-p', '-t', 'main', '#{pane_dead} #{pane_dead_status}')
        .trim()
        .split(' ')
      if (isDead === '1' && status !== undefined && status !== '') return Number(status)
      if (Date.now() > deadline) throw new Error(`still running:\n${this.text}`)
      await delay(30)
    }
  }

  /** The process in the terminal. */
  get pid(): number {
    return Number(this.#tmux('display-message', '-p', '-t', 'main', '#{pane_pid}').trim())
  }

  /** Ends the terminal and everything in it. */
  close(): void {
    spawnSync('tmux', ['-L', this.#socket, 'kill-server'])
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
