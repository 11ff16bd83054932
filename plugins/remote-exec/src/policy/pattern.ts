/**
 * True when one argument fits one pattern, all of it.
 *
 * `*` stands for any characters but `/`, `**` for any characters; `\` makes the character behind it plain. A pattern that begins with a
 * wildcard takes no option (`-…`), and no wildcard lets a path climb: an argument with a component `..` fits only a pattern that has one in
 * the same words, and no more of them. Everything else stands for itself, capital letters included.
 *
 * Takes time in proportion to pattern × argument at the most, whatever they are.
 */
export function fitsArgument(pattern: string, argument: string): boolean {
  const tokens = tokensOf(pattern)
  if (tokens.every((token) => typeof token === 'string')) return tokens.join('') === argument
  if (typeof tokens[0] === 'number' && argument.startsWith('-')) return false
  if (climbs(argument) > climbs(pattern)) return false
  return fits(tokens, argument)
}

/**
 * True when a command's arguments fit a rule's patterns, each its own and none left over; a last pattern `**` takes all that are left, options too,
 * or none.
 */
export function fitsArguments(patterns: readonly string[], args: readonly string[]): boolean {
  const isOpen = patterns.at(-1) === '**'
  const fixed = isOpen ? patterns.slice(0, -1) : patterns
  if (isOpen ? args.length < fixed.length : args.length !== fixed.length) return false
  return fixed.every((pattern, i) => fitsArgument(pattern, args[i]!))
}

/** Why it is no pattern; `undefined` when it is one. */
export function complaintOfPattern(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN) return `has more than ${MAX_PATTERN} characters`
  if (/(?<!\\)(?:\\\\)*\\$/u.test(pattern)) return 'ends with a \\ that makes nothing plain'
  if (tokensOf(pattern).filter((token) => typeof token === 'number').length > MAX_WILDCARDS)
    return `has more than ${MAX_WILDCARDS} wildcards`
  return undefined
}

/** A plain character, or a wildcard. */
type Token = string | typeof WITHIN | typeof ACROSS

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = []
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!
    if (char === '\\' && i + 1 < pattern.length) tokens.push(pattern[++i]!)
    else if (char !== '*') tokens.push(char)
    else {
      const first = i
      while (pattern[i + 1] === '*') i++
      tokens.push(i > first ? ACROSS : WITHIN)
    }
  }
  return tokens
}

/** All positions of the pattern that are reached, moved along the argument: nothing is tried twice. */
function fits(tokens: readonly Token[], argument: string): boolean {
  let reached = new Uint8Array(tokens.length + 1)
  reached[0] = 1
  skipWildcards(tokens, reached)
  for (const char of argument.split('')) {
    const next = new Uint8Array(tokens.length + 1)
    let isAlive = false
    for (const [i, token] of tokens.entries()) {
      if (!reached[i]) continue
      if (token === ACROSS || (token === WITHIN && char !== '/')) next[i] = 1
      else if (token === char) next[i + 1] = 1
      else continue
      isAlive = true
    }
    if (!isAlive) return false
    skipWildcards(tokens, next)
    reached = next
  }
  return reached[tokens.length] === 1
}

/** A wildcard may stand for nothing. */
function skipWildcards(tokens: readonly Token[], reached: Uint8Array): void {
  for (const [i, token] of tokens.entries()) if (reached[i] && typeof token === 'number') reached[i + 1] = 1
}

const WITHIN = 1
const ACROSS = 2
/** How many components `..` a path has, also behind `--to=`, `-C` and `@`, and in lists of paths. */
const climbs = (text: string): number => text.match(CLIMBS)?.length ?? 0
const CLIMBS = /(?<=^|[/=:,@]|^-[^-])\.\.(?=$|[/:,])/gu
const MAX_PATTERN = 256
const MAX_WILDCARDS = 8
