import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { DemoStep } from './play.ts'

/**
 * Runs steps one after the other and shows them on stderr; stdout stays free for results.
 *
 * @param isAnimated - spinners, for a terminal; otherwise a line per step.
 */
export async function runSteps(steps: readonly DemoStep[], isAnimated: boolean): Promise<void> {
  const processOutput = new ProcessOutput(process.stderr, process.stderr)
  const tasks = steps.map(({ title, run }) => ({
    title,
    task: async (_context: unknown, task: { title: string }): Promise<void> => {
      const said = await run()
      Object.assign(task, { title: `${title}: ${said}` })
    },
  }))
  const logger = new ListrLogger({ processOutput })
  await new Listr(tasks, {
    concurrent: false,
    exitOnError: true,
    registerSignalListeners: false,
    renderer: isAnimated ? 'default' : 'simple',
    rendererOptions: { logger },
    fallbackRendererOptions: { logger },
  }).run()
}
