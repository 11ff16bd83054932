import * as v from 'msg-cli/valibot'

const number = (name: string, least: number, most: number) => {
  const why = `${name} is a number from ${least} to ${most.toLocaleString('en-US')}`
  return v.pipe(v.number(why), v.minValue(least, why), v.maxValue(most, why))
}
const whole = (name: string, least: number, most: number) =>
  v.pipe(number(name, least, most), v.safeInteger(`${name} is a whole number`))

/** What the configuration may say of the plugin: one table for both halves, each of which reads its own. */
export const options = v.optional(
  v.strictObject({
    /** Server: how long somebody may be gone before it is told, milliseconds: back by then, nothing is. @default 5,000 */
    graceMs: v.optional(whole('graceMs', 0, 600_000), 5_000),
    /** Server: above `threshold` notices within a window, the rest comes as one at its end, milliseconds. @default 5,000 */
    windowMs: v.optional(whole('windowMs', 100, 600_000), 5_000),
    /** Server. @default 5 */
    threshold: v.optional(whole('threshold', 1, 100), 5),
    /** Server: names in a notice about many. @default 10 */
    names: v.optional(whole('names', 1, 50), 10),
    /** Server: remembers when people were last seen. False forgets what was remembered. @default true */
    lastSeen: v.optional(v.boolean('lastSeen is true or false'), true),
    /** Client: minutes without typing until others see it, 0 for never. @default 10 */
    awayAfterMinutes: v.optional(number('awayAfterMinutes', 0, 1_440), 10),
    /** Client: tells who is away and back, too. @default false */
    awayNotices: v.optional(v.boolean('awayNotices is true or false'), false),
  }),
  {},
)
export type PresenceOptions = v.InferOutput<typeof options>
