import { parentPort } from 'node:worker_threads'
import { MsgError } from '../../errors.ts'
import { DISK_JOBS } from './disk-jobs.ts'
import { LANDING_JOBS } from './landing-jobs.ts'

/** Everything that the disk thread can be asked for. */
export const JOBS = { ...DISK_JOBS, ...LANDING_JOBS }

/** A question to the disk thread. */
export interface JobRequest {
  readonly id: number
  readonly job: keyof typeof JOBS
  readonly argument: unknown
}

/** Its answer: a result, a code and detail of the table, or what the system said. */
export type JobAnswer = { readonly id: number } & (
  | { readonly result: unknown }
  | { readonly code: string; readonly detail: string }
  | { readonly error: unknown; readonly errno: string }
)

parentPort?.on('message', ({ id, job, argument }: JobRequest) => {
  parentPort?.postMessage(answer(id, JOBS[job] as (argument: unknown) => unknown, argument))
})

function answer(id: number, job: (argument: unknown) => unknown, argument: unknown): JobAnswer {
  try {
    return { id, result: job(argument) }
  } catch (error) {
    if (MsgError.is(error)) return { id, code: error.code, detail: error.detail }
    return { id, error, errno: (error as NodeJS.ErrnoException).code ?? '' }
  }
}
