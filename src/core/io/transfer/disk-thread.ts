import type { Worker } from 'node:worker_threads'
import { isErrorCode, MsgError } from '../../errors.ts'
import { startWorker } from '../start-worker.ts'
import type { JOBS, JobAnswer, JobRequest } from './disk-thread-main.ts'

type Jobs = typeof JOBS
type Argument<J extends keyof Jobs> = Parameters<Jobs[J]>[0]
type Result<J extends keyof Jobs> = ReturnType<Jobs[J]>

/**
 * One thread that reads, writes and hashes for all transfers of a process, so that neither stalls the links.
 *
 * Jobs are done one after the other in the order they were asked. It starts with the first, or with {@link start}, and keeps no process alive
 * while it has nothing to do. One that dies is started again with the next job. Memory: what shared buffers the caller hands in.
 */
export class DiskThread {
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  #worker: Worker | undefined
  #next = 0
  #isClosed = false

  /** Begins to start the thread, which takes some 50 ms, when it is likely to be needed. */
  start(): void {
    if (!this.#isClosed) this.#worker ??= this.#launch()
  }

  /**
   * Does one job of the table. Views in `argument` must be of shared memory and left alone until the answer.
   *
   * @throws what the job throws; MSG_ERR_CANCELLED after {@link close}; `signal`'s reason when it fires before the job was asked.
   */
  async run<J extends keyof Jobs>(job: J, argument: Argument<J>, signal?: AbortSignal): Promise<Result<J>> {
    signal?.throwIfAborted()
    if (this.#isClosed) throw closed()
    const worker = (this.#worker ??= this.#launch())
    const request: JobRequest = { id: this.#next++, job, argument }
    return new Promise<Result<J>>((resolve, reject) => {
      this.#waiting.set(request.id, { resolve: resolve as (value: unknown) => void, reject })
      worker.ref()
      worker.postMessage(request)
    })
  }

  /** Ends the thread; what it was asked and has not answered is rejected. Safe to call again. */
  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#fail(closed())
    await worker?.terminate()
  }

  #launch(): Worker {
    const worker = startWorker(import.meta.url, 'disk-thread-main', { name: NAME })
    worker.on('message', (answer: JobAnswer) => {
      const asked = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (this.#waiting.size === 0) worker.unref()
      if (!asked) return
      if ('result' in answer) asked.resolve(answer.result)
      else asked.reject(errorOf(answer))
    })
    worker.on('error', (cause) => {
      if (this.#worker === worker)
        this.#fail(new MsgError('MSG_ERR_INTERNAL', { detail: 'the disk thread died', cause }))
    })
    worker.on('exit', () => {
      if (this.#worker === worker) this.#fail(new MsgError('MSG_ERR_INTERNAL', { detail: 'the disk thread ended' }))
    })
    worker.unref()
    return worker
  }

  #fail(error: MsgError): void {
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }
}

function errorOf(answer: Exclude<JobAnswer, { readonly result: unknown }>): unknown {
  if ('code' in answer)
    return new MsgError(isErrorCode(answer.code) ? answer.code : 'MSG_ERR_INTERNAL', { detail: answer.detail })
  const { error, errno } = answer
  const detail = error instanceof Error ? error.message : String(error)
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errno))
    return new MsgError('MSG_ERR_TRANSFER_NO_SPACE', { detail, cause: error })
  if (errno !== '') return new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail, cause: error })
  return new MsgError('MSG_ERR_INTERNAL', { detail, cause: error })
}

const closed = (): MsgError => new MsgError('MSG_ERR_CANCELLED', { detail: 'transfers are closing' })
const NAME = 'msg disk'
