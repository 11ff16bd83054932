import { canonicalName } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'
import { MAX_BYTES } from './protocol.ts'

const UserName = v.pipe(
  v.string(),
  v.check((name) => {
    try {
      return canonicalName(name) !== ''
    } catch {
      return false
    }
  }, 'who: no name of a user'),
)
const whole = (name: string, least: number, most: number) => {
  const why = `${name} is a whole number from ${least} to ${most.toLocaleString('en-US')}`
  return v.pipe(v.number(why), v.safeInteger(why), v.minValue(least, why), v.maxValue(most, why))
}

/** What the configuration may say of the plugin, on a server. */
export const options = v.optional(
  v.strictObject({
    /** Who may broadcast: `everyone`, `none`, or users by name. @default 'everyone' */
    who: v.optional(
      v.union([v.picklist(['everyone', 'none']), v.array(UserName)], 'who is everyone, none, or a list of names'),
      'everyone',
    ),
    /** Broadcasts of one user in a minute. @default 6 */
    perMinute: v.optional(whole('perMinute', 1, 600), 6),
    /** Bytes of a text in UTF-8. @default 4,096 */
    maxBytes: v.optional(whole('maxBytes', 1, MAX_BYTES), 4_096),
  }),
  {},
)
export type BroadcastOptions = v.InferOutput<typeof options>
