import { MsgError } from '../errors.ts'
import type { PluginStorage } from '../plugins/scope-api.ts'

/** A {@link PluginStorage} without a file; it outlives its scopes, as a file does. */
export class MemoryStorage implements PluginStorage {
  readonly #entries = new Map<string, string>()

  async get(key: string): Promise<unknown> {
    checkKey(key)
    const text = this.#entries.get(key)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async put(key: string, value: unknown): Promise<void> {
    checkKey(key)
    const text = jsonOf(value)
    if (text === undefined) throw new MsgError('MSG_ERR_USAGE', { detail: `what is kept as ${key} must be JSON` })
    if (Buffer.byteLength(text) > MAX_VALUE) throw new MsgError('MSG_ERR_LIMIT', { detail: 'a value is too large' })
    this.#entries.set(key, text)
  }

  async delete(key: string): Promise<void> {
    checkKey(key)
    this.#entries.delete(key)
  }

  async list({ prefix = '', after = '', limit = 100 }: Parameters<PluginStorage['list']>[0] = {}): ReturnType<
    PluginStorage['list']
  > {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED)
      throw new MsgError('MSG_ERR_USAGE', { detail: `1 to ${MAX_LISTED} can be listed, not ${limit}` })
    return [...this.#entries]
      .filter(([key]) => key.startsWith(prefix) && (after === '' || Buffer.compare(bytes(key), bytes(after)) > 0))
      .sort(([a], [b]) => Buffer.compare(bytes(a), bytes(b)))
      .slice(0, limit)
      .map(([key, text]) => ({ key, value: JSON.parse(text) as unknown }))
  }

  /** Nothing is open. */
  close(): void {}
}

/** @returns `undefined` for what JSON cannot hold. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

const bytes = (text: string): Buffer => Buffer.from(text)

function checkKey(key: string): void {
  const length = Buffer.byteLength(key)
  if (length < 1 || length > MAX_KEY) throw new MsgError('MSG_ERR_LIMIT', { detail: `a key of ${length} bytes` })
}

/** As files have them, bytes. */
const MAX_KEY = 256
const MAX_VALUE = 65_536
const MAX_LISTED = 1_000
