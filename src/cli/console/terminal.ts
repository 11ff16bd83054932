import { deferred } from '../deferred.ts'
import type { LineEditor } from '../prompt/line-editor.ts'
import type { Console } from './console.ts'

/**
 * Serves what a person types until they leave (Ctrl-D, Ctrl-C on an empty line, an exit command) or `until` is aborted.
 *
 * Commands run one after the other; those marked `background` (they wait for another person) let the next ones start.
 *
 * @param isTaken - sees Ctrl-C first: true when it stopped something, and nobody leaves.
 */
export async function serveTerminal<Context>(
  editor: LineEditor,
  console: Console<Context>,
  until: AbortSignal,
  isTaken: () => boolean = () => false,
): Promise<void> {
  const { promise: over, resolve: end } = deferred<void>()
  const onAbort = (): void => end()
  until.addEventListener('abort', onAbort, { once: true })
  let queue = Promise.resolve()
  editor.start({
    onLine(line) {
      const parsed = console.parse(line)
      if (parsed === undefined) return
      if (parsed.command.background) void console.run(parsed).then(() => editor.refresh())
      else queue = queue.then(() => (until.aborted ? undefined : console.run(parsed))).then(() => editor.refresh())
    },
    // Beside whatever runs, as a command of the background does.
    onShortcut: (key) => void console.pressed(key)?.then(() => editor.refresh()),
    // The keyboard's signal and a real one leave the same way.
    onInterrupt() {
      if (!isTaken()) process.kill(process.pid, 'SIGINT')
    },
    onEnd: end,
  })
  if (!until.aborted) await over
  until.removeEventListener('abort', onAbort)
}
