import { styleText } from 'node:util'

/** The few colours msg uses, by meaning. Each returns its text unchanged where colour is off. */
export interface Palette {
  readonly name: (text: string) => string
  readonly room: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly strong: (text: string) => string
}

type Style = Parameters<typeof styleText>[0]

/** @param isColoured - false gives plain text. */
export function palette(isColoured: boolean): Palette {
  const paint = (style: Style) => (text: string) =>
    isColoured ? styleText(style, text, { validateStream: false }) : text
  return {
    name: paint('cyan'),
    room: paint('magenta'),
    dim: paint('gray'),
    good: paint('green'),
    bad: paint('red'),
    strong: paint('bold'),
  }
}

/** What decides about colour. */
export interface ColourChoice {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isTerminal: boolean
  /** `--no-color` was given. */
  readonly isRefused: boolean
}

/** `--no-color`, then NO_COLOR (any value but ''), then FORCE_COLOR (any value but '', '0' and 'false'), then whether it is a terminal. */
export function isColourWanted({ env, isTerminal, isRefused }: ColourChoice): boolean {
  if (isRefused || (env['NO_COLOR'] ?? '') !== '') return false
  const forced = env['FORCE_COLOR']
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false'
  return isTerminal && env['TERM'] !== 'dumb'
}
