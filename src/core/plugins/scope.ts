import { MsgError } from '../errors.ts'
import type { PluginHalf, Scope } from './define.ts'
import { checkPayload } from './payload.ts'

/** What every scope has, and its end. */
export class ScopeBase implements Scope {
  readonly #abort = new AbortController()
  readonly #closers: Array<() => void | Promise<void>> = []
  readonly signal = this.#abort.signal

  onClose(fn: () => void | Promise<void>): void {
    this.#closers.push(fn)
  }

  /** Undoes what was registered, last first; what throws keeps nothing else from being undone. @param onFault - told of it */
  async close(onFault: (error: unknown) => void): Promise<void> {
    this.#abort.abort()
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        onFault(error)
      }
    }
  }
}

/** The options of a plugin as its schema has them. @throws MSG_ERR_CONFIG_INVALID */
export function optionsOf<O>({ protocol, options }: PluginHalf<never, never, O>, given: unknown): O {
  const { id } = protocol as { id: string }
  if (options === undefined) return undefined as O
  try {
    return checkPayload({ schema: options, maxBytes: MAX_OPTIONS }, given, `options of ${id}`) as O
  } catch (error) {
    const { detail } = MsgError.of(error)
    throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail, cause: error })
  }
}

/** Bytes of options as JSON. */
const MAX_OPTIONS = 1_048_576
