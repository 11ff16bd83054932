import { MsgError } from '../errors.ts'
import type { Content, MessageSpec, Protocol, Side } from './protocol.ts'

/** The message of that name. @param from - the side that sends it. @throws MSG_ERR_METHOD_UNKNOWN */
export function messageOf({ id, messages }: Protocol, name: string, from: Side): MessageSpec {
  const spec = Object.hasOwn(messages, name) ? messages[name] : undefined
  if (spec?.from !== from) throw new MsgError('MSG_ERR_METHOD_UNKNOWN', { detail: JSON.stringify(`${id} ${name}`) })
  return spec
}

/**
 * A payload that came from the other side, or is about to go there.
 *
 * @param what - names it in errors.
 * @throws MSG_ERR_LIMIT before the schema sees a payload that is too large; MSG_ERR_PROTOCOL when it does not fit the schema.
 */
export function checkPayload({ schema, maxBytes }: Content, payload: unknown, what: string): unknown {
  const bytes = payload === undefined ? 0 : Buffer.byteLength(JSON.stringify(payload) ?? '')
  if (bytes > maxBytes)
    throw new MsgError('MSG_ERR_LIMIT', { detail: `${what} has ${bytes} bytes, and may have ${maxBytes}` })
  const result = schema['~standard'].validate(payload)
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new MsgError('MSG_ERR_PLUGIN_FAILED', { detail: `the schema of ${what} is asynchronous` })
  }
  if (result.issues) {
    const why = result.issues[0]?.message ?? 'invalid'
    throw new MsgError('MSG_ERR_PROTOCOL', { detail: `${what}: ${why}`.slice(0, MAX_WHY) })
  }
  return result.value
}

/** Longest explanation of a payload that was refused, UTF-16 units. */
const MAX_WHY = 200
