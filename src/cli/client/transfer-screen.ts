import type { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import type { ClientEvent } from '../../core/index.ts'
import { CommandHistory } from '../prompt/history.ts'
import { LineEditor } from '../prompt/line-editor.ts'
import { clientEventLines } from '../render/client-events.ts'
import { LiveLines } from '../render/live-lines.ts'
import type { Palette } from '../render/palette.ts'
import { isUnicodeTerminal, progressLines, type Moving } from '../render/progress.ts'
import { transferEventLines } from '../render/transfers.ts'
import { jsonLine } from '../json-line.ts'

/** How a one-shot command shows the transfers it waits for: lines that stay, and progress that is drawn in place where there is a terminal. */
export interface TransferScreen {
  /** A line of the command's JSON contract, or what it says to people. */
  tell(object: { readonly type: string; readonly [member: string]: unknown }, lines: readonly string[]): void
  /** For people only. */
  note(lines: readonly string[]): void
  /** Something that the client told. @param isOver - the command ends with it, and says why: people need no second line. */
  event(event: ClientEvent, isOver?: boolean): void
  progress(moving: readonly Moving[]): void
  /** Missing where nobody can be asked. */
  readonly confirm?: (question: string, options: { signal: AbortSignal; isYes?: boolean }) => Promise<boolean>
  /** Takes away what moves. Safe to call again. */
  close(): void
}

/** What {@link createScreen} decides by. */
export interface ScreenOptions {
  readonly isJson: boolean
  /** Where lines go: stdout, or stderr where stdout carries the content. */
  readonly out: NodeJS.WriteStream
  readonly err: NodeJS.WriteStream
  readonly palette: Palette
  /** True when a person is there and may be asked. */
  readonly isAsking: boolean
}

/** A screen that fits: JSON lines, lines, lines above progress, lines above progress and questions. */
export function createScreen({ isJson, out, err, palette, isAsking }: ScreenOptions): TransferScreen {
  if (isJson) return jsonScreen(out)
  const say = (lines: readonly string[]): void => {
    if (lines.length > 0) out.write(`${lines.join('\n')}\n`)
  }
  if (isAsking) return askingScreen(out as WriteStream, palette)
  if (!err.isTTY) return { ...linesScreen(say, palette), progress() {}, close() {} }
  const live = new LiveLines(err)
  return {
    ...linesScreen((lines) => lines.length > 0 && live.above(() => say(lines)), palette),
    progress: (moving) => live.show(barsOf(moving, err.columns, palette)),
    close: () => live.show([]),
  }
}

function jsonScreen(out: Writable): TransferScreen {
  const write = (object: object): void => void out.write(jsonLine(object))
  return {
    tell: write,
    note() {},
    event(event) {
      if (isTold(event)) write(event)
    },
    progress() {},
    close() {},
  }
}

function askingScreen(out: WriteStream, palette: Palette): TransferScreen {
  const editor = new LineEditor({
    input: process.stdin,
    output: out,
    history: new CommandHistory({ path: undefined, isSecret: () => false }),
    prompt: () => '',
    complete: async (line) => [[], line],
  })
  const interrupt = (): void => void process.kill(process.pid, 'SIGINT')
  editor.start({ onLine() {}, onInterrupt: interrupt, onEnd: interrupt })
  return {
    ...linesScreen((lines) => lines.length > 0 && editor.print(lines), palette),
    progress: (moving) => editor.setStatus(barsOf(moving, out.columns, palette)),
    confirm: (question, options) => editor.confirm(question, options),
    close: () => editor.close(),
  }
}

function linesScreen(
  say: (lines: readonly string[]) => unknown,
  palette: Palette,
): Pick<TransferScreen, 'tell' | 'note' | 'event'> {
  return {
    tell: (_object, lines) => void say(lines),
    note: (lines) => void say(lines),
    event(event, isOver = false) {
      if (!isTold(event) || event.type === 'path' || (isOver && event.type !== 'transfer.done')) return
      const isTransfer = event.type.startsWith('transfer.')
      say(
        isTransfer
          ? transferEventLines(event as Parameters<typeof transferEventLines>[0], palette, false)
          : clientEventLines(event, palette),
      )
    },
  }
}

function barsOf(moving: readonly Moving[], columns: number, palette: Palette): string[] {
  return progressLines(moving, { columns, isUnicode: isUnicodeTerminal(process.env, process.platform), palette })
}

/** What of a client's events matters to somebody who waits for files. */
function isTold({ type }: ClientEvent): boolean {
  return type.startsWith('transfer.') || TOLD.has(type)
}

const TOLD: ReadonlySet<string> = new Set<ClientEvent['type']>([
  'message',
  'path',
  'peer.device',
  'reconnecting',
  'warning',
])
