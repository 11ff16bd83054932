import { ERRORS, isErrorCode, MsgError, type ErrorSpec } from '../errors.ts'

/** What ties an answer to its request. */
export type RpcId = number | string

/** The `error` member of a JSON-RPC answer. `data` is msg's own: the code both sides branch on. */
export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: { readonly code: string; readonly detail: string }
}

/** One decoded line. */
export type RpcMessage =
  | { readonly kind: 'request'; readonly id: RpcId; readonly method: string; readonly params: unknown }
  | { readonly kind: 'notification'; readonly method: string; readonly params: unknown }
  | { readonly kind: 'result'; readonly id: RpcId; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: RpcId | null; readonly error: MsgError }
  /** `isFatal`: the line is no JSON object at all, so whoever sent it does not speak this protocol. Answer with `error`, then close. */
  | { readonly kind: 'invalid'; readonly id: RpcId | null; readonly error: RpcError; readonly isFatal: boolean }

/** One line (newline included) that asks. */
export function encodeRequest(id: RpcId, method: string, params: unknown): string {
  return line({ id, method, params })
}

/** One line that tells. */
export function encodeNotification(method: string, params: unknown): string {
  return line({ method, params })
}

/** One line that answers. */
export function encodeResult(id: RpcId, result: unknown): string {
  return line({ id, result })
}

/** The refusal of a line that could not be read at all. */
export function malformed(error: MsgError): RpcError {
  return rpcError(PARSE_ERROR, error)
}

/** One line that refuses. @param id - null when the request's id could not be read. */
export function encodeError(id: RpcId | null, error: RpcError): string {
  return line({ id, error })
}

/** Reads one line (JSON-RPC 2.0). Never throws: what is not a message is `invalid`. Batches are not supported. */
export function decodeRpc(text: string): RpcMessage {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'invalid', id: null, error: refusal(PARSE_ERROR, 'not JSON'), isFatal: true }
  }
  if (!isObject(value))
    return { kind: 'invalid', id: null, error: refusal(INVALID_REQUEST, 'not a JSON object'), isFatal: true }
  const id = isId(value['id']) ? value['id'] : null
  const invalid = (why: string): RpcMessage => ({
    kind: 'invalid',
    id,
    error: refusal(INVALID_REQUEST, why),
    isFatal: false,
  })
  if (value['jsonrpc'] !== '2.0') return invalid('"jsonrpc" must be "2.0"')
  if (value['id'] !== undefined && value['id'] !== null && id === null)
    return invalid('"id" must be a number or a short string')
  const { method, params = {} } = value
  if (method !== undefined) {
    if (typeof method !== 'string' || method.length > MAX_METHOD) return invalid('"method" must be a short string')
    if (!isObject(params)) return invalid('"params" must be an object')
    if (id !== null) return { kind: 'request', id, method, params }
    return value['id'] === undefined ? { kind: 'notification', method, params } : invalid('"id" must not be null')
  }
  if (value['error'] !== undefined) return { kind: 'error', id, error: fromRpcError(value['error']) }
  if (id !== null && Object.hasOwn(value, 'result')) return { kind: 'result', id, result: value['result'] }
  return invalid('neither request nor answer')
}

/**
 * What a peer is told of an error: codes that a peer can cause, with their detail; of anything else only that it failed.
 *
 * @param error - a {@link MsgError}, or whatever was thrown.
 */
export function toRpcError(error: unknown): RpcError {
  const known = MsgError.is(error) ? error : new MsgError('MSG_ERR_INTERNAL')
  const spec: ErrorSpec = ERRORS[known.code]
  if (spec.wire === undefined || known.code === 'MSG_ERR_INTERNAL')
    return rpcError(
      BASE - ERRORS.MSG_ERR_INTERNAL.wire,
      new MsgError('MSG_ERR_INTERNAL', { detail: 'the other side failed' }),
    )
  return rpcError(known.code === 'MSG_ERR_METHOD_UNKNOWN' ? METHOD_UNKNOWN : BASE - spec.wire, known)
}

/** The refusal of parameters that do not fit a method's schema. @param why - which field, and what is wrong with it. */
export function invalidParams(why: string): RpcError {
  return refusal(INVALID_PARAMS, why)
}

/** The {@link MsgError} that an answer's `error` stands for. An answer without a known code is the peer breaking the protocol. */
export function fromRpcError(value: unknown): MsgError {
  const { data, message }: Record<string, unknown> = isObject(value) ? value : {}
  const { code, detail }: Record<string, unknown> = isObject(data) ? data : {}
  if (isErrorCode(code))
    return new MsgError(code, { detail: typeof detail === 'string' ? detail.slice(0, MAX_DETAIL) : '' })
  return new MsgError('MSG_ERR_PROTOCOL', {
    detail: typeof message === 'string' ? message.slice(0, MAX_DETAIL) : 'an error without a code',
  })
}

function refusal(code: number, why: string): RpcError {
  return rpcError(code, new MsgError('MSG_ERR_PROTOCOL', { detail: why }))
}

function rpcError(code: number, { message, code: name, detail }: MsgError): RpcError {
  return { code, message, data: { code: name, detail } }
}

function line(message: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(value: unknown): value is RpcId {
  return typeof value === 'string' ? value.length <= MAX_ID : Number.isSafeInteger(value)
}

/** Specification: JSON-RPC 2.0 section 5.1; from -32000 down the numbers are the implementation's own. */
const PARSE_ERROR = -32_700
const INVALID_REQUEST = -32_600
const METHOD_UNKNOWN = -32_601
const INVALID_PARAMS = -32_602
const BASE = -32_000

/** Implementation: longest id and method in UTF-16 units, so that an answer is never much larger than what was asked. */
const MAX_ID = 64
const MAX_METHOD = 64
/** Longest detail believed from a peer, UTF-16 units. */
const MAX_DETAIL = 1_024
