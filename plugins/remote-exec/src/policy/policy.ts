import { basename, isAbsolute, sep } from 'node:path'
import { canonical } from '../peer.ts'
import type { Refusal } from '../refusals.ts'
import { isInterpreter } from './interpreters.ts'
import type { AllowRule, DenyRule, ExecOptions } from './options.ts'
import { fitsArguments } from './pattern.ts'

/** A command as the disk has it. */
export interface FoundCommand {
  /** Absolute, as it was named or found by name. */
  readonly path: string
  /** The same without symlinks. */
  readonly real: string
  /** Device and inode: the same for all hard links of a file. */
  readonly file?: string
}

/** What is known of a request when it is decided about. */
export interface Facts {
  /** Of the peer who asks, canonical. */
  readonly user: string
  readonly argv: readonly string[]
  readonly command: FoundCommand
  /** Where it is to run, absolute and without symlinks. */
  readonly cwd: string
  /** True while the peer's device has a grant. */
  readonly isGranted: boolean
  /** Where the rules' commands are, each by how the rule names it; those that are nowhere are missing. */
  readonly located: ReadonlyMap<string, FoundCommand>
  /** The rules' directories without symlinks, each by how the rule names it; those that are nowhere are missing. */
  readonly roots: ReadonlyMap<string, string>
  /** Where commands run when nobody says where, without symlinks. */
  readonly home: string
}

/** Whether it runs, and whether somebody is asked before. */
export type Decision = { readonly refusal: Refusal } | { readonly ask: boolean }

/**
 * Decides about a request of a verified peer whose signature was right.
 *
 * What is denied stays denied. Otherwise the first rule that fits decides; where none does, nothing runs, or everything but interpreters is asked
 * about, as `unlisted` says. Being asked is the rule: it is left out by a rule with `ask: false`, and while a grant lasts, except by a rule with `ask: 'always'`.
 */
export function decide({ allow, deny, unlisted, roots }: ExecOptions, facts: Facts): Decision {
  const { argv, command, cwd, isGranted } = facts
  const args = argv.slice(1)
  if (deny.some((rule) => isDenied(rule, facts))) return { refusal: 'denied' }
  const named = allow.filter((rule) => isFor(rule, facts) && pathOf(rule, facts) === command.path)
  const fitting = named.filter((rule) => fitsArguments(rule.args, args))
  const rule = fitting.find((candidate) => isBelowAny(candidate.cwd ?? roots, cwd, facts))
  if (rule) return { ask: rule.ask === 'always' || (rule.ask && !isGranted) }
  if (unlisted === 'refuse' || named.length > 0) {
    if (fitting.length > 0) return { refusal: 'cwd' }
    return { refusal: named.length > 0 ? 'arguments' : 'not-allowed' }
  }
  if (isInterpreter(basename(command.path)) || isInterpreter(basename(command.real))) return { refusal: 'interpreter' }
  return isBelowAny(roots, cwd, facts) ? { ask: true } : { refusal: 'cwd' }
}

const isFor = ({ peers }: AllowRule | DenyRule, { user }: Facts): boolean =>
  peers === undefined || peers.some((peer) => canonical(peer) === canonical(user))

/** Where the rule's command is. What a rule allows is one path: links from elsewhere to the same file are others. */
function pathOf({ command }: AllowRule, { located }: Facts): string | undefined {
  return isAbsolute(command) ? command : located.get(command)?.path
}

/** Denied is a command under any name: by path, by the file it leads to, by its name alone. */
function isDenied(rule: DenyRule, facts: Facts): boolean {
  const { argv, command, located } = facts
  if (!isFor(rule, facts)) return false
  if (rule.args !== undefined && !fitsArguments(rule.args, argv.slice(1))) return false
  const own = [command.path, command.real]
  const target = located.get(rule.command)
  if (own.includes(rule.command) || (target !== undefined && own.includes(target.path))) return true
  // Files that are many commands at once are told apart by name only.
  if (target !== undefined && isSameFile(target, command) && !MANY_IN_ONE.test(basename(command.real))) return true
  return !isAbsolute(rule.command) && own.some((path) => basename(path) === rule.command)
}

/** Where commands run when nobody says where is always right: it is the owner's own choice. */
function isBelowAny(roots: readonly string[], cwd: string, facts: Facts): boolean {
  if (cwd === facts.home) return true
  return roots.some((root) => {
    const real = facts.roots.get(root)
    return real !== undefined && (cwd === real || cwd.startsWith(real.endsWith(sep) ? real : `${real}${sep}`))
  })
}

const isSameFile = (a: FoundCommand, b: FoundCommand): boolean =>
  a.real === b.real || (a.file !== undefined && a.file === b.file)

const MANY_IN_ONE = /^(?:busybox|toybox|coreutils)/u
