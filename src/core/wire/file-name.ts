import { withoutUnsafe } from './visible.ts'

/**
 * A name that every file system takes as the name of one file in one folder, made of a name that somebody else chose.
 *
 * NFC, at most {@link MAX_BYTES} bytes of UTF-8. What acts on a terminal, hides or reorders letters (see `visible`), separates
 * folders or is reserved on some system becomes `_`; dots and spaces at the end and spaces at the start go; device names of
 * Windows (`CON`, `nul.txt`) get a `_` in front. Never empty, `.` or `..`. A good name stays as it is, and so does every
 * name that this function returned.
 */
export function safeFileName(name: string): string {
  // What is cut off anyway need not be looked at: hostile names are long.
  const composed = name.slice(0, MAX_UNITS).normalize('NFC')
  const harmless = withoutUnsafe(composed, '_').replace(RESERVED_CHARACTERS, '_')
  const trimmed = shortened(trim(harmless), MAX_BYTES)
  if (trimmed === '') return '_'
  return DEVICE.test(trimmed) ? shortened(`_${trimmed}`, MAX_BYTES) : trimmed
}

/** The `n`-th name (from 2) beside a {@link safeFileName} that is taken: `photo (2).jpg`; it is safe, too. */
export function numberedFileName(name: string, n: number): string {
  const { stem, extension } = split(name)
  const suffix = ` (${n})${extension}`
  return `${cut(stem, MAX_BYTES - byteLength(suffix))}${suffix}`
}

/**
 * What two names have in common when some file system takes them for the same: letter case, composition and compatible forms
 * do not count.
 */
export function fileNameKey(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}

function trim(name: string): string {
  return name.replace(LEADING, '').replace(TRAILING, '')
}

/** Shortens the stem and keeps a short extension. */
function shortened(name: string, bytes: number): string {
  if (byteLength(name) <= bytes) return name
  const { stem, extension } = split(name)
  return trim(`${cut(stem, bytes - byteLength(extension))}${extension}`)
}

function split(name: string): { readonly stem: string; readonly extension: string } {
  const dot = name.lastIndexOf('.')
  const extension = name.slice(dot)
  if (dot <= 0 || byteLength(extension) > MAX_EXTENSION) return { stem: name, extension: '' }
  return { stem: name.slice(0, dot), extension }
}

/** The longest start of `text` that holds whole characters and no more than `bytes` bytes. */
function cut(text: string, bytes: number): string {
  let size = 0
  let end = 0
  for (const char of text) {
    size += byteLength(char)
    if (size > bytes) break
    end += char.length
  }
  return text.slice(0, end).replace(TRAILING, '')
}

/** In bytes of UTF-8. */
function byteLength(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) size += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return size
}

/** Specification: what ext4, APFS and NTFS have in common (NTFS counts UTF-16 units, of which there are never more). */
const MAX_BYTES = 255
/** Implementation: composing makes names shorter or three times as long at most; four times 255 leaves nothing out that counts. */
const MAX_UNITS = 1_024
/** Implementation: longer ones are no extensions. */
const MAX_EXTENSION = 32
/** Separators anywhere, and what Windows takes for wildcards, drives, streams and pipes. */
const RESERVED_CHARACTERS = /[/\\:*?"<>|]/g
const LEADING = /^\s+/
/** Windows drops dots and spaces at the end, and would take two names for one. */
const TRAILING = /(?<![\s.])[\s.]+$/
/** Names of devices in every folder of Windows, whatever the extension. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)/i
