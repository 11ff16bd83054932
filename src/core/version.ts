import { createRequire } from 'node:module'

/** This build's version, as package.json has it. */
export const VERSION: string = (createRequire(import.meta.url)('../../package.json') as { version: string }).version
