import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { ExaminationStage, NetReport } from '../../core/index.ts'
import { deferred } from '../deferred.ts'

/**
 * Shows on stderr, for a person at a terminal, which parts of an examination are still under way, and takes that away at its end.
 *
 * @param stages - those there are. @throws what `examine` throws
 */
export async function watchExamination(
  stages: readonly ExaminationStage[],
  examine: (onDone: (stage: ExaminationStage) => void) => Promise<NetReport>,
): Promise<NetReport> {
  const ends = new Map(stages.map((stage) => [stage, deferred<void>()]))
  const examining = examine((stage) => ends.get(stage)?.resolve())
  // It may fail while parts are still under way.
  const isOver = examining.then(
    () => {},
    () => {},
  )
  const processOutput = new ProcessOutput(process.stderr, process.stderr)
  const tasks = stages.map((stage) => ({
    title: TITLES[stage],
    task: (): Promise<void> => Promise.race([ends.get(stage)!.promise, isOver]),
  }))
  await new Listr(tasks, {
    concurrent: true,
    registerSignalListeners: false,
    rendererOptions: { logger: new ListrLogger({ processOutput }), clearOutput: true },
  }).run()
  return await examining
}

const TITLES: Readonly<Record<ExaminationStage, string>> = {
  machine: 'This machine',
  server: 'The server, over TCP and TLS',
  udp: 'UDP, and what your router does',
  router: 'Whether your router opens ports when asked',
}
