import { MsgError } from '../errors.ts'
import { parseIp } from './address.ts'

/**
 * The form of a user or room name that is shown: NFKC, letter case as typed.
 *
 * @throws MSG_ERR_NAME_INVALID unless 1 to 32 letters, digits, `.`, `_`, `-` (Unicode letters and digits count, at least one
 * of them), and not an IP literal: a name must never be mistaken for a virtual address.
 */
export function displayName(name: string): string {
  const shown = name.length > MAX_UNITS ? '' : name.normalize('NFKC')
  if (!isName(shown) || !isName(fold(shown)))
    throw new MsgError('MSG_ERR_NAME_INVALID', { detail: JSON.stringify(name.slice(0, MAX_UNITS)) })
  return shown
}

/**
 * The form of a user or room name that is compared and stored as key: two names are the same exactly when this is.
 *
 * NFKC, casefolded, NFKC again (folding can undo composition); applying it twice changes nothing.
 *
 * @throws MSG_ERR_NAME_INVALID as {@link displayName} does.
 */
export function canonicalName(name: string): string {
  return fold(displayName(name))
}

/** True when two names, as anybody may type them, mean the same. What is no name is only equal to itself. */
export function isSameName(a: string, b: string): boolean {
  if (a === b) return true
  try {
    return canonicalName(a) === canonicalName(b)
  } catch {
    return false
  }
}

/** By way of upper case: it expands `ß` and unifies `ς` with `σ`, as Unicode case folding does and lower case alone does not. `ẞ` comes to `ß` before. */
function fold(name: string): string {
  return name.toLowerCase().toUpperCase().toLowerCase().replaceAll(DOTTED_I, 'i').normalize('NFKC')
}

function isName(name: string): boolean {
  return (
    NAME.test(name) && HAS_LETTER_OR_DIGIT.test(name) && [...name].length <= MAX_LENGTH && parseIp(name) === undefined
  )
}

/** Longest name in code points. */
const MAX_LENGTH = 32
/** Longest name worth looking at, in UTF-16 units: 32 code points of two units each. */
const MAX_UNITS = 64
const NAME = /^[\p{L}\p{Nd}._-]+$/u
const HAS_LETTER_OR_DIGIT = /[\p{L}\p{Nd}]/u
/** What `İ` becomes in lower case: an `i` with a combining dot, which is no letter. */
const DOTTED_I = 'i\u0307'
