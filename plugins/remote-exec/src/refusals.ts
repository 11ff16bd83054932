/**
 * Why a command does not run, as the other side is told it: the code and nothing else. The sentences are this side's own.
 *
 * `%s` is the peer.
 */
export const REFUSALS = {
  malformed: 'the request cannot be read',
  'too-large': 'the request is larger than %s takes',
  'not-enabled': '%s has not turned on commands',
  unsupported: '%s cannot run commands on that system: there are no process groups to end them by',
  root: '%s is root there, and has not allowed that',
  'changed-key': 'the request is not by the device that sends it',
  'wrong-addressee': 'the request is for somebody else',
  'bad-signature': 'the signature of the request is wrong',
  unverified: '%s has not verified you: compare the safety number, then verify <you> --mark there',
  stale: 'the clocks of both sides differ by more than a minute, or the request took too long',
  replayed: 'the same request was there before',
  'too-many': '%s runs or considers as many as it may: try again later',
  'not-found': 'there is no such command there',
  'not-executable': 'it is neither a program nor a script that names its interpreter',
  relative: 'a command is a name or an absolute path there',
  denied: '%s denies that command',
  'not-allowed': 'no rule of %s allows that command',
  arguments: 'no rule of %s allows these arguments',
  interpreter: 'interpreters run only where a rule names them',
  cwd: 'no rule of %s allows that working directory',
  declined: '%s said no',
  'no-answer': '%s did not answer in time',
  nobody: 'nobody is there to say yes',
  revoked: '%s has revoked what was allowed',
  audit: 'it cannot be recorded there, so it does not run',
  failed: 'it could not be started',
} as const

/** A code of {@link REFUSALS}. */
export type Refusal = keyof typeof REFUSALS

/** True for a code of the table: what a peer says is checked with it. */
export function isRefusal(code: string): code is Refusal {
  return Object.hasOwn(REFUSALS, code)
}

/** What a person is told of a refusal. */
export function refusalText(code: Refusal, peer: string): string {
  return REFUSALS[code].replace('%s', () => peer)
}

/** Why a command that ran was ended from outside; `none` when it ended by itself. */
export const CAUSES = ['none', 'time', 'output', 'processes', 'stopped', 'revoked', 'link', 'closing'] as const
export type Cause = (typeof CAUSES)[number]

/** What a person is told of a {@link Cause}. */
export const CAUSE_TEXTS: Readonly<Record<Exclude<Cause, 'none'>, string>> = {
  time: 'its time was up',
  output: 'it wrote more than it may',
  processes: 'it started more processes than it may',
  stopped: 'it was asked to stop',
  revoked: 'it was revoked',
  link: 'the link was lost',
  closing: 'the client there left',
}
