import { isAbsolute } from 'node:path'
import * as v from 'msg-cli/valibot'
import { complaintOfPattern } from './pattern.ts'

const text = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max), v.regex(/^[^\0]+$/u, 'holds a NUL'))
const Absolute = v.pipe(text(4_096), v.check(isAbsolute, 'is no absolute path'))
/** Bare names and absolute paths. */
const Command = v.pipe(
  text(4_096),
  v.check((name) => isAbsolute(name) || !/[/\\]/u.test(name), 'a command is a name or an absolute path'),
)
const Pattern = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const complaint = dataset.typed ? complaintOfPattern(dataset.value) : undefined
    if (complaint !== undefined) addIssue({ message: `a pattern ${complaint}` })
  }),
)
const Patterns = v.pipe(
  v.array(Pattern),
  v.maxLength(64),
  v.check((patterns) => !patterns.slice(0, -1).includes('**'), 'the pattern ** stands at the end'),
)
const Users = v.pipe(v.array(text(32)), v.minLength(1), v.maxLength(256))
const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))

const AllowRule = v.strictObject({
  command: Command,
  args: v.optional(Patterns, []),
  peers: v.optional(Users),
  cwd: v.optional(v.pipe(v.array(Absolute), v.maxLength(64))),
  ask: v.optional(v.union([v.boolean(), v.literal('always')]), true),
})
const DenyRule = v.strictObject({ command: Command, args: v.optional(Patterns), peers: v.optional(Users) })

const Limits = v.strictObject({
  seconds: v.optional(whole(1, 86_400), 300),
  outputBytes: v.optional(whole(1, 2 ** 40), 64 * 2 ** 20),
  processes: v.optional(whole(1, 4_096), 64),
  atOnce: v.optional(whole(1, 32), 4),
  ofPeer: v.optional(whole(1, 32), 2),
  memoryBytes: v.optional(whole(2 ** 20, 2 ** 50)),
})

/** What configuration says to remote-exec, under `plugins`; the README has each of it with its default. */
export const options = v.optional(
  v.strictObject({
    enabled: v.optional(v.boolean(), false),
    allow: v.optional(v.pipe(v.array(AllowRule), v.maxLength(256)), []),
    deny: v.optional(v.pipe(v.array(DenyRule), v.maxLength(256)), []),
    unlisted: v.optional(v.picklist(['refuse', 'ask']), 'refuse'),
    allowRoot: v.optional(v.boolean(), false),
    allowRelative: v.optional(v.boolean(), false),
    path: v.optional(v.pipe(v.array(Absolute), v.minLength(1), v.maxLength(32)), [
      '/usr/local/bin',
      '/usr/bin',
      '/bin',
    ]),
    cwd: v.optional(Absolute),
    roots: v.optional(v.pipe(v.array(Absolute), v.maxLength(64)), []),
    environment: v.optional(
      v.record(v.pipe(text(256), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/)), v.pipe(v.string(), v.maxLength(8_192))),
      {},
    ),
    limits: v.optional(Limits, {}),
    auditDir: v.optional(Absolute),
  }),
  {},
)

export type ExecOptions = v.InferOutput<typeof options>
export type AllowRule = v.InferOutput<typeof AllowRule>
export type DenyRule = v.InferOutput<typeof DenyRule>
