/**
 * One line of JSON that a terminal may show: whatever JSON lets through and a terminal could act on (DEL, C1 control characters, bidirectional and
 * other invisible marks) is written as an escape. Parsed it is the same.
 */
export function jsonLine(object: object): string {
  return `${JSON.stringify(object).replace(ACTING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

/** Stands in strings only; C0 control characters are escapes there already. */
const ACTING = /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu
