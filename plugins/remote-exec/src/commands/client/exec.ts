import { Args, Flags, PluginOneShot } from 'msg-cli/command'
import { visible } from 'msg-cli/plugin'
import { remoteExec, type Foreground } from '../../client.ts'
import { exitSentence, type ExecResult } from '../../prompt.ts'
import { Portions } from '../../text-cutter.ts'
import { joinWords } from '../../words.ts'

export default class ClientExec extends PluginOneShot {
  static override summary = 'run a command on a peer who allows it'
  static override description =
    'The other side decides by its own rules, and asks its user where they say so; nothing runs unless it was turned on there and both have verified each other. stdout, stderr and the exit status come back live; stdin goes there when it is no terminal. No shell takes part: words arrive as they are. Ctrl-C goes to the command, the second one kills it. The exit status is that of the command, 128 and the number of a signal that ended it, or that of a failure of msg itself: --json tells them apart.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> bob --server chat.example.org -- uptime',
    'tar c . | <%= config.bin %> <%= command.id %> bob --cwd /srv/in -- tar x',
  ]
  static override strict = false
  static override flags = {
    ...PluginOneShot.flagsOfLinks,
    cwd: Flags.string({ summary: 'where it is to run there: an absolute path', helpValue: '<folder>' }),
    stdin: Flags.boolean({ summary: 'send stdin, also from a terminal', allowNo: true }),
  }
  static override args = {
    user: Args.string({ ignoreStdin: true, required: true, description: 'who runs it' }),
    command: Args.string({ ignoreStdin: true, required: true, description: 'the command and its words, after --' }),
  }

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(ClientExec)
    const words = argv.slice(1).map(String)
    let interrupt: (() => void) | undefined
    let hasStarted = false
    const { isJson } = this.printing
    const screen = isJson ? this.#jsonScreen(args.user) : this.#plainScreen()
    let onEvent = (): void => {}
    const stdin = (flags.stdin ?? !process.stdin.isTTY) ? process.stdin : undefined
    const half = remoteExec({
      stdin,
      onAsking: () => {
        onEvent()
        screen.onAsking()
      },
      onStarted: (run) => {
        hasStarted = true
        onEvent()
        screen.onStarted(run)
      },
      onOutput: screen.onOutput,
      onInterrupt: (send) => {
        interrupt = send
        return () => (interrupt = undefined)
      },
    })
    const onInterrupt = (): boolean => {
      const send = interrupt
      interrupt = undefined
      send?.()
      return send !== undefined
    }
    let status = 0
    await this.converse(
      half,
      flags,
      { user: args.user, onInterrupt },
      async ({ user, signal, command, moved, rest }) => {
        // Once it runs it may take as long as its own limits say.
        onEvent = () => (hasStarted ? rest() : moved())
        // One `--` is taken away there, and only one.
        const given = { user, command: `-- ${joinWords(words)}`, cwd: flags.cwd }
        const { exec } = (await command('exec').run(valuesOf(given), { signal, confirm: undefined })) as {
          exec: ExecResult
        }
        screen.onExit(exec)
        status = exec.status
      },
    ).finally(() => stdin?.destroy())
    process.exitCode ||= status
  }

  #plainScreen(): Screen {
    const write = (out: NodeJS.WriteStream, bytes: Uint8Array | string): Promise<void> | void => {
      if (out.write(bytes)) return
      return new Promise((resolve) => out.once('drain', resolve))
    }
    const note = (text: string): void => void (process.stderr.isTTY && process.stderr.write(`${text}\n`))
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
    return {
      onAsking: () => note('Waiting for the answer of the other side.'),
      onStarted: () => {},
      onOutput: (name, bytes) => {
        const out = process[name]
        return write(out, out.isTTY ? shown(decoders[name].decode(bytes, { stream: true })) : bytes)
      },
      onExit: (exec) => {
        // Half a character is shown as what it is: something that cannot be read.
        for (const name of ['stdout', 'stderr'] as const)
          if (process[name].isTTY) process[name].write(decoders[name].decode())
        if (exec.signal !== null || exec.cause !== 'none') process.stderr.write(`${visible(exitSentence(exec))}\n`)
      },
    }
  }

  #jsonScreen(user: string): Screen {
    const portions = { stdout: new Portions(), stderr: new Portions() }
    let run = ''
    const print = (type: string, item: object): void => this.printOne(type, item, () => [])
    const tell = (stream: 'stdout' | 'stderr', parts: ReturnType<Portions['end']>): void => {
      for (const part of parts) print('exec.output', { run, stream, ...part })
    }
    return {
      onAsking: () => print('exec.asking', { user }),
      onStarted: (id) => {
        run = id
        print('exec.started', { user, run })
      },
      onOutput: (name, bytes) => {
        tell(name, portions[name].handleBytes(bytes))
        if (process.stdout.writableNeedDrain) return new Promise((resolve) => process.stdout.once('drain', resolve))
        return undefined
      },
      onExit: (exec) => {
        for (const name of ['stdout', 'stderr'] as const) tell(name, portions[name].end())
        print('exec.exit', exec)
      },
    }
  }
}

interface Screen extends Omit<Foreground, 'stdin' | 'onInterrupt'> {
  onExit(exec: ExecResult): void
}

/** On a terminal lines stay lines and tabs tabs; whatever else could act is shown as what it is. */
const shown = (text: string): string =>
  text
    .split('\t')
    .map((part) => visible(part, { multiline: true }))
    .join('\t')

function valuesOf(given: Readonly<Record<string, string | undefined>>) {
  return {
    text: (name: string) => given[name] ?? '',
    optional: (name: string) => given[name],
    has: () => false,
  }
}
