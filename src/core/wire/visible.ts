/** How {@link visible} treats what several lines hold. */
export interface VisibleOptions {
  /** Keep `\n` as it is; `\r\n` counts as `\n`. @default false: it is shown as `\n` in two characters */
  readonly multiline?: boolean
}

/**
 * Text of others made safe for a terminal: whatever could move the cursor, change colours, reorder letters or hide is shown as an
 * escape (`\u001b`, `\u{e0041}`), so that nothing acts and nothing is invisible.
 *
 * Escaped are C0 and C1 control characters (tab as `\t`), line and paragraph separators, bidirectional marks, embeddings, overrides
 * and isolates (CVE-2021-42574), other format characters (zero width, tags, BOM), lone surrogates and noncharacters. Kept are the
 * joiners U+200C and U+200D between letters or emoji and the variation selectors, which scripts and emoji need. Not reversible: a
 * backslash stays as it is.
 */
export function visible(text: string, { multiline = false }: VisibleOptions = {}): string {
  if (HARMLESS.test(text)) return text
  const unified = multiline ? text.replaceAll('\r\n', '\n') : text
  return unified.replace(UNSAFE, (char) => (multiline && char === '\n' ? char : escape(char)))
}

/** Text with each character that {@link visible} would escape replaced by `substitute`. */
export function withoutUnsafe(text: string, substitute: string): string {
  return HARMLESS.test(text) ? text : text.replace(UNSAFE, substitute)
}

function escape(char: string): string {
  const short = SHORT[char]
  if (short) return short
  const code = char.codePointAt(0) ?? 0
  const hex = code.toString(16)
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`
}

/** Most texts: printable ASCII and Latin-1, except the soft hyphen. */
const HARMLESS = /^[\x20-\x7e\xa0-\xac\xae-\xff]*$/
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
/** A joiner is wanted after and before what it joins only. */
const JOINED = String.raw`(?<![\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]|[\u200c\u200d](?![\p{L}\p{M}\p{Extended_Pictographic}])`
const UNSAFE = new RegExp(
  String.raw`${JOINED}|(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5]`,
  'gu',
)
