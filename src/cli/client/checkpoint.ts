import type { Client, ClientEvent } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import { bytesText } from '../bytes.ts'

/** What {@link Checkpoints} are made of. */
export interface CheckpointsDeps {
  readonly client: () => Pick<Client, 'continueTransfer' | 'stopTransfer'> | undefined
  /** Missing where nobody can be asked: it goes on. */
  readonly confirm: ((question: string, options: { signal: AbortSignal }) => Promise<boolean>) | undefined
}

type Checkpoint = Extract<ClientEvent, { type: 'transfer.checkpoint' }>

/** Asks at each checkpoint of a download whether to go on or to stop, and does it. A question whose transfer is over, or was answered elsewhere, is taken back. */
export class Checkpoints {
  readonly #deps: CheckpointsDeps
  readonly #open = new Map<string, AbortController>()

  constructor(deps: CheckpointsDeps) {
    this.#deps = deps
  }

  /** Told every event; the promise is over with the question. */
  async handleEvent(event: ClientEvent): Promise<void> {
    if (event.type === 'transfer.checkpoint') return await this.#ask(event)
    if (ENDS.has(event.type) && 'id' in event) this.#open.get(event.id)?.abort()
    else if (event.type === 'disconnected') for (const question of this.#open.values()) question.abort()
  }

  async #ask(event: Checkpoint): Promise<void> {
    const { client, confirm } = this.#deps
    const question = new AbortController()
    this.#open.set(event.id, question)
    const goesOn = confirm ? await confirm(checkpointQuestion(event), { signal: question.signal }) : true
    this.#open.delete(event.id)
    if (question.signal.aborted) return
    // Whoever was faster has answered.
    await (goesOn ? client()?.continueTransfer(event.id) : client()?.stopTransfer(event.id))?.catch(() => {})
  }
}

/** `50 % of film.mkv is here (1.20 GB of 2.40 GB). Go on?` */
export function checkpointQuestion({ name, fraction, bytes, size }: Checkpoint): string {
  const share = `${Number((100 * fraction).toFixed(1))} %`
  return `${share} of ${visible(name)} is here (${bytesText(bytes)} of ${bytesText(size)}). Go on?`
}

const ENDS: ReadonlySet<string> = new Set<ClientEvent['type']>([
  'transfer.continued',
  'transfer.stopped',
  'transfer.failed',
  'transfer.done',
])
